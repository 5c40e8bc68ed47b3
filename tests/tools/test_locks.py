"""What the image installs: each package has hashes, and the version of constraints.txt."""

import re
from pathlib import Path

import pytest

LOCKS = Path("locks")
ONLY_ELSEWHERE = {"colorama", "httpx2-jsfetch"}
"""Packages that no Linux installs."""


def canonical(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def versions(text: str) -> dict[str, str]:
    return {
        canonical(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize("name", ["base", "cluster"])
def test_a_lock_has_the_versions_of_the_constraints(name: str) -> None:
    locked = versions((LOCKS / f"{name}.txt").read_text())
    constraints = versions(Path("constraints.txt").read_text())
    assert len(locked) > 40
    assert {package: constraints.get(package) for package in {*locked} - ONLY_ELSEWHERE} == {
        package: version for package, version in locked.items() if package not in ONLY_ELSEWHERE
    }


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_package_has_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


def test_the_image_installs_by_hash_alone() -> None:
    installed = re.findall(r"pip install ([^&\n]+)", Path("Dockerfile").read_text())
    assert len(installed) == 3
    assert all("--require-hashes" in each or "--no-deps wheels/" in each for each in installed)
