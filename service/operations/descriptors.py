"""The descriptors of this process: as many as the system allows, and some of them kept for agent and database.

A connection takes one, silent or not, and anybody can open connections. So they are limited to what is left.
"""

import os
import resource

MOST_DESCRIPTORS = 65_536
RESERVED = 256
RESERVED_PER_CORE = 8
"""A worker process takes five: its pipe, and those with which the fork server reports its end."""


def raise_limit() -> None:
    """Let this process open as many files as it may: by default the limit is 1,024 of often far more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections() -> int:
    """How many connections may be open at the same time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    reserved = RESERVED + RESERVED_PER_CORE * (os.cpu_count() or 1)
    return max(limit - reserved, limit // 2)
