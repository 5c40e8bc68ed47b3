"""Where leaderboards and comparisons are computed: one process, which all applications of this process share."""

import atexit

from workers.computing.client import ComputingClient

COMPUTING = ComputingClient()
atexit.register(COMPUTING.close)
