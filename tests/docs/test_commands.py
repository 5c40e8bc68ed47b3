"""Every page of the documentation names only commands, options, targets, modules and addresses that exist.

The pages with a story of their own also have their commands run, by the tests beside this one.
"""

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from service.cli.commands import app
from tools.doc_commands import ADDRESS
from tools.make_openapi import committed

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
COMMAND = re.compile(
    r"(?:`|^|/|\| |do |\$\()holdout ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*\b)?)((?:(?!\$\()[^`|\n])*)",
    re.MULTILINE,
)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@cache
def options_of() -> dict[str, set[str]]:
    """The options of each command of the command line, and of each command of its groups."""
    found = {}
    for name, command in vars(get_command(app))["commands"].items():
        members = {"": command} | getattr(command, "commands", {})
        for member, each in members.items():
            found[f"{name} {member}".strip()] = {option for given in each.params for option in given.opts} | {
                "--help"
            }
    return found


@cache
def addresses() -> list[re.Pattern[str]]:
    paths = [*committed()["paths"], "/", "/docs", "/openapi.json", "/ui/.+"]  # views are in docs/page.md
    return [re.compile(re.sub(r"{\w+}", "[^/]+", path) + "/?") for path in paths]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    wrong = [
        f"make {each}"
        for each in re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)
        if each not in TARGETS
    ]
    for words, rest in COMMAND.findall(text):
        name = words if words in options_of() else words.split()[0]
        unknown = set(re.findall(r"(?<= )--[a-z-]+", rest)) - options_of().get(name, set())
        wrong += (
            [f"holdout {words}"]
            if name not in options_of()
            else [f"holdout {name} {each}" for each in unknown]
        )
    modules = re.findall(r"python -m ((?:benchmarks|tools|tests|service|workers)[\w.]*\w)", text)
    wrong += [f"python -m {each}" for each in modules if importlib.util.find_spec(each) is None]
    paths = re.findall(rf"{re.escape(ADDRESS)}(/[^\s'\"?#`)]*)", text)
    wrong += [each for each in paths if not any(known.fullmatch(each) for known in addresses())]
    assert wrong == []


def test_something_that_does_not_exist_would_be_noticed() -> None:
    assert COMMAND.findall("`holdout monitor add 1 x.csv --nme y`") == [("monitor add", " 1 x.csv --nme y")]
    assert COMMAND.findall("`holdout cancel $(.venv/bin/holdout list --ids)`") == [
        ("cancel", " "),
        ("list", " --ids)"),
    ]
    assert "--watch" in options_of()["sweep"]
    assert "monitor add" in options_of()
    assert not any(known.fullmatch("/experiment") for known in addresses())
    assert "bench" in TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_headings_lead_to_one(page: Path) -> None:
    wrong = []
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", page.read_text()):
        linked = page.parent / target if target else page
        if linked.suffix == ".md" and anchor not in {
            slug(title) for title in HEADING.findall(linked.read_text())
        }:
            wrong.append(f"{target}#{anchor}")
    assert wrong == []


def slug(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
