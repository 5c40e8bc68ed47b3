"""The protocol, knowing nothing of experiments: bodies, forms, cursors, conditions, origins, rates."""
