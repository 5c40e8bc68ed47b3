import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text()
ROWS = re.findall(r"^\| (?!term|---)([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
PLACES = sorted({place for *_, where in ROWS for place in re.findall(r"`([^`]+)`", where)})

RETIRED = ("admitted", "bell", "depot", "doorbell", "gathering", "obituary", "office", "reception", "shelf")
"""Words of our own that once stood for things that have a standard name."""


def test_the_glossary_explains_terms_once_and_in_order_to_be_found() -> None:
    terms = [term for term, *_ in ROWS]
    assert len(terms) > 50
    assert len(set(terms)) == len(terms)
    assert all(meaning.endswith(".") for _, meaning, _ in ROWS)


@cache
def names_in(path: Path) -> set[str]:
    """Everything that a module defines or declares at its top level."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("place", PLACES)
def test_what_the_glossary_names_exists(place: str) -> None:
    path, _, name = place.partition("::")
    assert (ROOT / path).is_file(), f"{path} does not exist"
    assert not name or name in names_in(ROOT / path), f"{path} does not define {name}"


@pytest.mark.parametrize("folder", ["service", "workers", "tools", "benchmarks"])
def test_retired_words_name_nothing(folder: str) -> None:
    words = re.compile(rf"(?:^|_)(?:{'|'.join(RETIRED)})(?:$|_)", re.IGNORECASE)
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text()
        if not any(word in text.lower() for word in RETIRED):
            continue
        for node in ast.walk(ast.parse(text)):
            name = getattr(node, "name", None) or getattr(node, "id", None) or ""
            assert not words.search(name), f"{path.relative_to(ROOT)}: {name}; see docs/glossary.md"
