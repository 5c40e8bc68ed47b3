"""Sweeps: a base spec, a space over its fields, and a strategy that chooses candidates from it. No database."""
