"""Why a run failed: a closed list, so that a program can act on it. The sentence beside it is for people."""

from typing import Literal

Cause = Literal[
    "diverged",  # a NaN or an infinity arose in training; the same spec does so again
    "error",  # an exception that nobody expected; the log has its traceback
    "lost",  # too many attempts ended without a word: worker or agent were killed, or crashed
    "out_of_memory",  # the worker reached its limit, or the kernel chose it when memory ran out
    "dataset_missing",  # the data set is not there any more, or not the one that was asked for
    "timeout",  # it trained for longer than training.max_seconds allows
]
