"""Why a run failed: a closed list of causes, for programs to act on. Each comes with a message for people."""

from typing import Literal

Cause = Literal[
    "diverged",  # training produced a NaN or an infinity; the same spec does so again
    "error",  # an unexpected exception; the log has its traceback
    "lost",  # too many attempts ended because the worker or its agent was killed, or crashed
    "out_of_memory",  # the worker reached its limit, or the kernel killed it when memory ran out
    "dataset_missing",  # the data set does not exist any more, or is not the one that was submitted
    "timeout",  # the run trained for longer than training.max_seconds allows
]
