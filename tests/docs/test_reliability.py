"""docs/reliability.md and docs/security.md: promises name tests that exist; every status and cause has a row."""

import re
from pathlib import Path
from typing import get_args

import pytest

from service.store.tables import ACTIVE_STATUSES, FINAL_STATUSES
from workers.processes.failure_causes import Cause

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
SECURITY = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE + SECURITY)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_named_test_exists(file: str, test: str) -> None:
    assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", [PAGE, SECURITY], ids=["reliability", "security"])
def test_every_promise_names_a_test(page: str) -> None:
    table = page.partition("## Promises")[2].partition("\n|---|---|\n")[2].partition("\n\n")[0]
    rows = table.splitlines()
    assert len(rows) > 10
    assert [row for row in rows if "::test_" not in row] == []


@pytest.mark.parametrize("word", [*ACTIVE_STATUSES, *FINAL_STATUSES, *get_args(Cause)])
def test_every_status_and_cause_has_a_row(word: str) -> None:
    assert re.search(rf"^\| `{word}` \|", PAGE, re.MULTILINE)
