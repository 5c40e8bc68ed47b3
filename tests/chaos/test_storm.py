"""A short storm; `make chaos` is the long one."""

from pathlib import Path

import pytest

from tests.chaos.storm import storm


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_after_a_storm_nothing_is_lost_doubled_or_different(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        request.getfixturevalue("postgresql")  # skips where there is none
    report = storm(tmp_path, kind, seed=4, blows=8, most_active=3)
    assert report["acknowledged"] > 0
    assert report["epoch rows"] > 0
