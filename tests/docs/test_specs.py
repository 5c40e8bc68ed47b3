"""docs/specs.md: the service accepts every spec of the page, and the page names no variant that does not exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tools.doc_commands import blocks

PAGE = (Path(__file__).parents[2] / "docs" / "specs.md").read_text()
SPECS = [json.loads(block) for block in blocks(PAGE, "json")]
ROWS = [json.loads(f"{{{field}}}") for field in re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)]
EXPECTED = {"one_seed", "few_validation_rows", "few_evaluation_rows", "threshold_of_validation"}
"""Warnings that specs as short as these have."""
READINGS = "day,value,kind\n" + "".join(
    f"2026-{1 + row // 28:02}-{1 + row % 28:02},{row * 7 % 11},{'ab'[row % 2]}\n" for row in range(200)
)


@pytest.fixture
def client(sqlite_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """The API with the data set of later rows that one spec names."""
    with TestClient(create_app(Settings(data_dir=tmp_path, database_url=sqlite_url, workers=0))) as client:
        files = {"file": ("readings.csv", READINGS)}
        client.post("/datasets", data={"name": "readings", "label": "kind"}, files=files).raise_for_status()
        yield client


def test_the_service_accepts_every_spec_of_the_page_without_a_warning_of_a_mistake(
    client: TestClient,
) -> None:
    assert (len(SPECS), len(ROWS)) == (12, 5)
    for spec in [*SPECS, *ROWS]:
        answer = client.post("/experiments/validate", json=spec)
        assert answer.status_code == 200, (spec, answer.text)
        assert {warning["code"] for warning in answer.json()["warnings"]} <= EXPECTED, spec
