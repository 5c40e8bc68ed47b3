"""Two environments of training, and the event of a worker that starts in one of them."""

from dataclasses import asdict
from typing import Any

from workers.environment import Environment
from workers.processes.messages import TrainingStarted

COMPILED = Environment("numba 0.68.0", "SkylakeX", "X86_V4", "cascadelake", "x86_64", "2.4.6", "0.1.0")
REFERENCE = Environment("numpy", "Haswell", "X86_V3", None, "x86_64", "2.4.6", "0.1.0")


def stored(environment: Environment) -> dict[str, Any]:
    """As it is stored: what multiplies bfloat16 is left out where nothing does."""
    return {name: value for name, value in asdict(environment).items() if (name, value) != ("bfloat16", None)}


def started(environment: Environment = COMPILED, *, resumed: bool = False) -> TrainingStarted:
    return TrainingStarted(environment, resumed)
