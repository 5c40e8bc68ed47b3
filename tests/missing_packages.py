"""Packages that programs of a test do not find, as on a system without wheels of them."""

import os
from pathlib import Path


def environment_without(folder: Path, *names: str) -> dict[str, str]:
    """The variables of an environment whose Pythons, and those they start, lack these packages."""
    folder.mkdir()
    hidden = "".join(f"sys.modules[{name!r}] = None\n" for name in names)
    (folder / "sitecustomize.py").write_text(f"import sys\n{hidden}")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))}
