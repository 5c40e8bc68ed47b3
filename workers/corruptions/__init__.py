"""Corruptions of rows, each in five severities: what sensors, scanners and exports do to data."""
