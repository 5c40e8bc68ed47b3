"""The client by itself: what it imports in a fresh process, and whether a program can be checked against it."""

import json
import subprocess
import sys
from importlib.metadata import requires
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("typed_program.py")
IMPORT = """
import json, sys
import httpx2
httpx2.Client().close()
before = set(sys.modules)
from service.client import Client
with Client("http://127.0.0.1:1"):
    print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_the_client_loads_nothing_but_itself_and_httpx2() -> None:
    ran = subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(ran.stdout)
    others = [
        name
        for name in loaded
        if name.partition(".")[0] not in sys.stdlib_module_names | {"httpx2", "httpcore2"}
        and name != "service"
        and not f"{name}.".startswith("service.client.")
    ]
    assert others == []
    assert "service.client.client" in loaded
    assert any(each.startswith("httpx2") for each in requires("holdout") or [])


def test_its_types_are_declared() -> None:
    assert files("service").joinpath("py.typed").is_file()


@pytest.mark.thorough
def test_a_program_that_uses_it_passes_strict_checks() -> None:
    """`make lint` checks it with everything else."""
    command = [sys.executable, "-m", "mypy", str(PROGRAM)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
