"""Installs Holdout for work on it, with some of its extras: python -m tools.install [EXTRA ...].

numba and pysqlite3 are dependencies where they publish wheels. No environment marker tells every such system from the
others (glibc from musl, for one). Where a wheel turns out to be missing, Holdout is installed without it: it then
trains with the kernels in NumPy, and stores in the SQLite that Python brings.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "pyproject.toml"
DISPENSABLE = {"numba": ("numba", "llvmlite"), "pysqlite3": ("pysqlite3",)}
"""Dependencies that Holdout runs without, each with what has to have a wheel for it."""
WHEELS_ONLY = ("--only-binary", "numba,llvmlite,pysqlite3")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *WHEELS_ONLY)
CONSTRAINED = ("--constraint", str(ROOT / "constraints.txt"))


def main(extras: Sequence[str]) -> int:
    """The exit code of pip."""
    if _pip("--editable", f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)) == 0:
        return 0
    if not (missing := [name for name, needed in DISPENSABLE.items() if not _has_wheels(needed)]):
        return 1
    print(f"Installing without {' and '.join(missing)}: there is no wheel for this system.", flush=True)
    wanted = requirements(PROJECT.read_text(), extras, without=missing)
    return _pip(*wanted) or _pip("--no-deps", "--editable", str(ROOT))


def requirements(pyproject: str, extras: Sequence[str], *, without: Collection[str]) -> list[str]:
    """What a pyproject.toml and its extras ask for, but for some names."""
    project = tomllib.loads(pyproject)["project"]
    asked = [
        *project["dependencies"],
        *(each for name in extras for each in project["optional-dependencies"][name]),
    ]
    return [each for each in asked if _name(each) not in without]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def _has_wheels(names: Sequence[str]) -> bool:
    """Whether they could be installed here; false as well where no index answers."""
    return _pip("--dry-run", *names) == 0


def _pip(*arguments: str) -> int:
    return subprocess.run([*PIP, *CONSTRAINED, *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
