"""README.md: its commands, run in order in one shell, succeed and print what the page shows."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest

from service.launcher import serving
from service.settings import Settings
from tests.documented_output import json_differences, text_difference
from tools.doc_commands import ADDRESS, BLOCK, Command, blocks, commands
from workers.spec import ExperimentSpec
from workers.spec_rules import broken_rules

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]

pytestmark = pytest.mark.timeout(400)
"""The first test runs all commands of the page."""

HOLDOUT = Path(sys.executable).parent / "holdout"
NOT_RUN_HERE = re.compile(r"git clone|make (serve|test|lint|bench)\b")
"""Commands that need a network, take long, or run until they are stopped; the fixture `url` runs the service."""

COMMANDS = list(commands(README))
RUN = [each for each in COMMANDS if not NOT_RUN_HERE.match(each.text)]
SHOWN = [each for each in RUN if each.shown]
MARK = "\n--- next block ---\n"
TARGETS = sorted(
    set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(blocks(README, "sh") + blocks(CONTRIBUTING, "sh"))))
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), port=0, workers=1, log_level="warning")
    with serving(settings) as url:
        yield url


@pytest.fixture(scope="module")
def printed(url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The output of each command. They run in one shell, as pasted, except for the port and the folder of .venv."""
    if not shutil.which("curl"):
        pytest.skip("the README's commands need curl")
    script = f"printf '%s' '{MARK}'\n".join(each.text for each in RUN)
    script = script.replace(ADDRESS, url).replace(".venv/bin/holdout", "holdout")
    script = script.replace("make demo", "holdout demo")
    path = f"{HOLDOUT.parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", "-ec", script],
        cwd=tmp_path_factory.mktemp("shell"),
        env=os.environ | {"PATH": path, "HOLDOUT_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(zip((each.text for each in RUN), ran.stdout.split(MARK), strict=True))


@pytest.mark.parametrize("command", SHOWN, ids=lambda each: each.text.partition("\n")[0][-60:])
def test_a_command_prints_what_the_readme_shows(command: Command, printed: dict[str, str]) -> None:
    output = printed[command.text]
    if command.shown.startswith("{"):
        assert json_differences(command.shown, json.loads(output)) == []
    else:
        assert text_difference(command.shown, output) == ""


@pytest.mark.usefixtures("printed")
def test_the_python_of_the_readme_prints_what_it_shows(url: str) -> None:
    found = BLOCK.findall(README)
    python = [(content, shown) for (name, content), (_, shown) in pairwise(found) if name == "python"]
    assert len(python) == 1
    for content, shown in python:
        ran = subprocess.run(
            [sys.executable, "-c", content],
            cwd=ROOT,
            env=os.environ | {"HOLDOUT_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert text_difference(shown, ran.stdout) == "", ran.stderr


def test_the_readme_shows_what_most_commands_print() -> None:
    assert len(SHOWN) >= 7
    assert {each.text.partition("\n")[0] for each in COMMANDS} > {"make demo", "make serve", "make test"}


def test_a_wrong_figure_would_be_noticed() -> None:
    assert text_difference("b 0.7\n", "a 0.1\nb 0.9\n") == "0.7 was 0.9"
    assert text_difference("b 0.7\n", "a 0.9\nb 0.71\n") == ""
    assert text_difference("c 0.7\n", "a 0.1\nb 0.7\n") != ""
    answer = {"items": [{"id": 1, "sha": "123"}], "p": 0.5}
    assert json_differences('{"items": [{"id": 1, ...}, ...], ...}', answer) == []
    assert json_differences('{"items": [{"id": 2}], "p": 0.6, "q": null}', answer) == [
        ".q is missing",
        ".items[0].id: 2 was 1",
        ".p: 0.6 was 0.5",
    ]


@pytest.mark.parametrize("spec", blocks(README, "json"))
def test_the_readmes_specs_are_valid(spec: str) -> None:
    assert broken_rules(ExperimentSpec.model_validate_json(spec)) == []


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("target", TARGETS)
def test_every_named_make_target_exists(target: str) -> None:
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("setting", [*Settings.model_fields, "url", "token", "kernels"])
def test_the_readme_names_every_setting(setting: str) -> None:
    assert f"`HOLDOUT_{setting.upper()}`" in README


@pytest.mark.parametrize("field", ExperimentSpec.model_fields)
def test_the_readme_explains_every_field_of_a_spec(field: str) -> None:
    assert re.search(rf"^\|.*`{field}`.* \|", README, re.MULTILINE)


def test_the_variants_that_the_readme_names_are_in_the_catalogue(url: str) -> None:
    catalogue = httpx2.get(f"{url}/catalog", timeout=60).text + json.dumps(ExperimentSpec.model_json_schema())
    table = README.partition("| field | meaning |")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row)}
    assert {"given", "smote", "rmsprop"} <= named
    assert [name for name in sorted(named) if f'"{name}"' not in catalogue] == []


def test_the_endpoints_that_the_readme_lists_exist(url: str) -> None:
    paths = httpx2.get(f"{url}/openapi.json", timeout=60).json()["paths"]
    known = {
        (method, re.sub(r"{\w+}", "{id}", path)) for path, methods in paths.items() for method in methods
    }
    table = README.partition("| request | answer |")[2].partition("\n\n")[0]
    listed = re.findall(r"`(GET|POST|DELETE) ([^`?]+)", table)
    assert len(listed) > 20
    schemaless = [("GET", "/docs"), ("GET", "/openapi.json")]
    by_id = [(method, re.sub(r"{\w+}", "{id}", path)) for method, path in listed]
    assert [
        each for each in by_id if each not in schemaless and (each[0].lower(), each[1]) not in known
    ] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_within_the_repository_lead_somewhere(name: str) -> None:
    page = ROOT / name
    linked = re.findall(r"\]\((?!http)([^)#]+)", page.read_text())
    assert [link for link in linked if not (page.parent / link).exists()] == []
