"""The agent: it claims runs, trains them in worker processes, and writes their results."""
