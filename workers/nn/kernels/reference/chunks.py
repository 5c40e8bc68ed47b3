"""How much a pass takes at a time where it needs room beside its arguments."""

CHUNK = 2**13
"""Elements: what is made of them stays in the cache."""
