"""Imported by the server that worker processes are forked from: what each of them would load or compile.

`python -m workers.warm` compiles the kernels into their cache, as an installation does.
"""

from workers.nn import kernels

NAME = kernels.current().NAME

if __name__ == "__main__":
    print(f"kernels: {NAME}")  # noqa: T201 -- a command's answer
