"""A process that computes: it has what a computation imports and allocates, and ends when nothing is computed."""
