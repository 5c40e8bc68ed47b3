"""Clients that generators write from docs/openapi.json pass their type checkers and work with a running service.

`make clients` installs the generators and runs these tests; docs/clients.md lists the options that each one needs.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.launcher import serving
from service.settings import Settings

ROOT = Path(__file__).parents[2]
HERE, DOCUMENT = Path(__file__).parent, ROOT / "docs" / "openapi.json"
PROGRAMS = HERE / "programs"
PYTHON = ROOT / ".venv" / "clients" / "bin"
NODE = ROOT / ".venv" / "node" / "node_modules"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXPECTED = ["succeeded", 12, 422, 1, 404, "There is no such experiment"]
"""The status, the rows of metrics (3 epochs, 2 seeds, 2 parts), and the refused requests."""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command, which must succeed. Returns its output."""
    ran = subprocess.run(
        [str(each) for each in command],
        check=False,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def tool(path: Path) -> Path:
    """The path of a tool. If it is missing, the test skips, or fails in CI."""
    if not path.exists():
        if os.environ.get("CI"):
            raise FileNotFoundError(path)
        pytest.skip(f"{path.name} is not installed: make clients")
    return path


def python_tool(name: str) -> Path:
    return tool(PYTHON / name)


def node_tool(name: str) -> Path:
    return tool(NODE / ".bin" / name)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data_dir = tmp_path_factory.mktemp("data")
    with serving(Settings(data_dir=data_dir, port=0, workers=2, log_level="warning")) as url:
        yield url


def attrs_client(folder: Path) -> None:
    config = HERE / "openapi-python-client.yaml"
    path = f"{PYTHON}{os.pathsep}{os.environ['PATH']}"
    generate: list[str | Path] = [
        python_tool("openapi-python-client"),
        "generate",
        "--path",
        DOCUMENT,
        "--config",
        config,
    ]
    target: list[str | Path] = [
        "--meta",
        "none",
        "--output-path",
        folder / "holdout_attrs",
        "--fail-on-warning",
    ]
    run(*generate, *target, cwd=folder, PATH=path)


def pydantic_client(folder: Path) -> None:
    if not shutil.which("java"):
        if os.environ.get("CI"):
            raise FileNotFoundError("java")
        pytest.skip("openapi-generator needs Java")
    options: list[str | Path] = ["-g", "python", "--package-name", "holdout_pydantic", "-o", folder]
    without = "models,apis,supportingFiles,modelTests=false,apiTests=false,modelDocs=false,apiDocs=false"
    generate: list[str | Path] = [python_tool("openapi-generator-cli"), "generate", "-i", DOCUMENT, *options]
    run(
        *generate,
        "--global-property",
        without,
        cwd=folder,
        JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -Xmx1g",
    )


PYTHON_CLIENTS: dict[str, Callable[[Path], None]] = {
    "attrs_client.py": attrs_client,
    "generator_client.py": pydantic_client,
}


@pytest.mark.parametrize("program", PYTHON_CLIENTS)
def test_a_python_client_works(program: str, url: str, tmp_path: Path) -> None:
    PYTHON_CLIENTS[program](tmp_path)
    shutil.copy(PROGRAMS / program, tmp_path)
    run(python_tool("mypy"), "--cache-dir", os.devnull, "--follow-imports", "silent", program, cwd=tmp_path)
    assert json.loads(run(python_tool("python"), program, url, cwd=tmp_path)) == EXPECTED


def test_a_typescript_client_works(url: str, tmp_path: Path) -> None:
    options: list[str | Path] = ["--default-non-nullable=false", "-o", tmp_path / "schema.ts"]
    run(node_tool("openapi-typescript"), DOCUMENT, *options, cwd=tmp_path)
    shutil.copy(PROGRAMS / "fetch.ts", tmp_path)
    shutil.copy(HERE / "tsconfig.json", tmp_path)
    shutil.copy(HERE / "package.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE)
    run(node_tool("tsc"), "-p", tmp_path, cwd=tmp_path)
    assert (
        json.loads(run(tool(Path(shutil.which("node") or "node")), "fetch.js", url, cwd=tmp_path)) == EXPECTED
    )


LINTERS: dict[str, list[str | Path]] = {
    "redocly": ["lint", "--config", HERE / "redocly.yaml", "--format", "stylish", DOCUMENT],
    "spectral": ["lint", "--ruleset", HERE / "spectral.yaml", "--fail-severity", "warn", DOCUMENT],
}


@pytest.mark.parametrize("name", LINTERS)
def test_a_linter_finds_nothing(name: str, tmp_path: Path) -> None:
    said = run(node_tool(name), *LINTERS[name], cwd=tmp_path)
    assert "warning" not in said.lower().replace("0 warnings", ""), said
