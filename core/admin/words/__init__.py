"""Texts and values as people read them: languages, formats, labels."""
