import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.launcher import serving
from service.settings import Settings
from tools.commands import Command, blocks, commands, run, settle
from workers.rules import broken_rules
from workers.spec import ExperimentSpec

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


COMMANDS = list(commands(README))
TARGETS = sorted(
    set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(blocks(README, "sh") + blocks(CONTRIBUTING, "sh"))))
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), port=0, workers=1, log_level="warning")
    with serving(settings) as url:
        yield url


@pytest.fixture(scope="module")
def answers(url: str, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the curl commands answer, run as they are written, but for the port, one after another."""
    if not shutil.which("curl"):
        pytest.skip("the README's commands need curl")
    folder = tmp_path_factory.mktemp("shell")
    return [_answer(command, url, folder) for command in COMMANDS if command.text.startswith("curl")]


def test_the_readmes_curl_commands_do_what_it_says(answers: list[dict[str, Any]]) -> None:
    accepted, experiment, classes, tested = answers
    assert accepted["status"] == "queued"
    assert experiment["id"] == accepted["id"]
    assert experiment["summary"]["findings"][0]["code"] == "no_better_than_linear"
    assert len(classes["items"]) == 10 * 3
    assert all(
        0 <= row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"] for row in classes["items"]
    )
    assert (tested["look"], tested["seeds"], len(tested["classes"])) == (1, 3, 10)
    assert tested["majority_accuracy"] < tested["accuracy"] <= 1


def test_what_the_readme_shows_of_answers_has_no_field_that_is_not_there(
    answers: list[dict[str, Any]],
) -> None:
    answered = json.dumps(answers)
    shown = {name for block in blocks(README, "jsonc") for name in re.findall(r'"(\w+)":', block)}
    assert {name for name in shown if f'"{name}":' not in answered} == set()


@pytest.mark.parametrize("spec", blocks(README, "json"))
def test_the_readmes_specs_are_valid(spec: str) -> None:
    assert broken_rules(ExperimentSpec.model_validate_json(spec)) == []


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_that_is_named_exists(target: str) -> None:
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_the_readme_names_every_setting(setting: str) -> None:
    assert f"`HOLDOUT_{setting.upper()}`" in README


@pytest.mark.parametrize("field", ExperimentSpec.model_fields)
def test_the_readme_explains_every_field_of_a_spec(field: str) -> None:
    assert re.search(rf"^\|.*`{field}`.* \|", README, re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_within_the_repository_lead_somewhere(name: str) -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)", (ROOT / name).read_text())
    assert [link for link in linked if not (ROOT / link).exists()] == []


def _answer(command: Command, url: str, folder: Path) -> dict[str, Any]:
    settle(url)
    answer: dict[str, Any] = json.loads(run(command, url, folder).body)
    return answer
