"""Installs Holdout for development, with some of its extras: python -m tools.install [EXTRA ...].

numba, pysqlite3 and resvg-py are installed on systems for which they publish wheels. Environment markers cannot tell
all such systems from the others (glibc from musl, for example). If a wheel is missing, Holdout is installed without
it: it then trains with the NumPy kernels, uses the SQLite of Python's standard library, and draws charts as SVG only.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "pyproject.toml"
OPTIONAL = {"numba": ("numba", "llvmlite"), "pysqlite3": ("pysqlite3",), "resvg-py": ("resvg-py",)}
"""Dependencies that Holdout can run without, each with the packages that need a wheel for it."""
WHEELS_ONLY = ("--only-binary", "numba,llvmlite,pysqlite3,resvg-py")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *WHEELS_ONLY)
CONSTRAINED = ("--constraint", str(ROOT / "constraints.txt"))


def main(extras: Sequence[str]) -> int:
    """Install. Returns the exit code of pip."""
    if _pip("--editable", f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)) == 0:
        return 0
    if not (missing := [name for name, needed in OPTIONAL.items() if not _has_wheels(needed)]):
        return 1
    print(f"Installing without {' and '.join(missing)}: there is no wheel for this system.", flush=True)
    needed = requirements(PROJECT.read_text(), extras, without=missing)
    return _pip(*needed) or _pip("--no-deps", "--editable", str(ROOT))


def requirements(pyproject: str, extras: Sequence[str], *, without: Collection[str]) -> list[str]:
    """The requirements in a pyproject.toml and its extras, except those of some names."""
    project = tomllib.loads(pyproject)["project"]
    required = [
        *project["dependencies"],
        *(each for name in extras for each in project["optional-dependencies"][name]),
    ]
    return [each for each in required if _name(each) not in without]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def _has_wheels(names: Sequence[str]) -> bool:
    """Whether the packages can be installed here. False also if no package index responds."""
    return _pip("--dry-run", *names) == 0


def _pip(*arguments: str) -> int:
    return subprocess.run([*PIP, *CONSTRAINED, *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
