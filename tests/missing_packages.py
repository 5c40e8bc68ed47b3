"""Hides installed packages from child processes, as on a system without wheels for them."""

import os
from pathlib import Path


def environment_without(folder: Path, *names: str) -> dict[str, str]:
    """Environment variables for a Python process that shall lack these packages, and for its child processes.

    folder: is created for a `sitecustomize.py`, which hides them.
    """
    folder.mkdir()
    hidden = "".join(f"sys.modules[{name!r}] = None\n" for name in names)
    (folder / "sitecustomize.py").write_text(f"import sys\n{hidden}")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))}
