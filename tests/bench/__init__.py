"""Measurements: each figure as a ratio to a limit that runs beside it on the same machine."""
