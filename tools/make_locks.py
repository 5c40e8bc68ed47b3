"""Writes locks/: what the image installs, each version with the hashes of its files. Needs uv: pip install uv."""

import subprocess
import sys
from pathlib import Path

LOCKS = Path("locks")
RESOLVE = ("uv", "pip", "compile", "--quiet", "--generate-hashes", "--universal", "--python-version", "3.13")
PLAIN = ("--no-header", "--no-annotate")
PROJECT = ("pyproject.toml", "--constraint", "constraints.txt")


def main() -> None:
    """Write the locks of the service, of all that a cluster may need, and of the tool that builds the package."""
    cluster = (*PROJECT, "--extra", "cluster", "--extra", "objectstore")
    for name, given in (("base", PROJECT), ("cluster", cluster), ("build", ("-",))):
        command = [*RESOLVE, *PLAIN, *given, "--output-file", str(LOCKS / f"{name}.txt")]
        try:
            subprocess.run(command, check=True, input="hatchling", text=True)  # noqa: S603 -- nothing of a user
        except FileNotFoundError:
            sys.exit("uv is missing: pip install uv")


if __name__ == "__main__":
    main()
