"""Comparisons of the service with others and with itself under load, one per file, each with `measure()`."""
