"""What can be done with records, without HTTP."""
