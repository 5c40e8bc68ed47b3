"""The frameworks that are compared, one per file.

Each module has `build_steps(work)`: it returns a function that trains the given number of further steps and returns
their losses.
"""

from collections.abc import Callable

Steps = Callable[[int], list[float]]
"""Trains so many steps. Returns their losses, or nothing if the framework computes none."""
