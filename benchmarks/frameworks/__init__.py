"""Who takes the steps, one a file.

Each offers `contestant(work)`, a function that takes the next steps and answers their losses.
"""

from collections.abc import Callable

Steps = Callable[[int], list[float]]
"""Takes so many steps; their losses, where reading them is part of what a user does."""
