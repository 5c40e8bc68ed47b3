"""Shift: how rows that arrive later differ from the validation rows of an experiment, and what that costs."""
