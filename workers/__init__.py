"""Training and evaluation in NumPy: no database, no HTTP, usable alone from a notebook."""
