"""A short chaos test; `make chaos` runs the long one."""

from pathlib import Path

import pytest

from tests.chaos.scenario import run_scenario


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_under_faults_nothing_is_lost_doubled_or_different(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        request.getfixturevalue("postgresql")  # skips if there is none
    report = run_scenario(tmp_path, kind, seed=4, faults=3, most_active=3)
    assert report["acknowledged"] > 0
    assert report["epoch rows"] > 0
