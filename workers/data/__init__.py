"""Data sets: where they come from, how they are split, thinned, scaled, balanced and batched."""
