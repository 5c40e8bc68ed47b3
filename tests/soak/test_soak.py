"""A soak test of seconds, too short to judge growth; `make soak` runs the long one."""

from pathlib import Path

import pytest

from tests.soak.measurements import Growth, Sample, growth
from tests.soak.scenario import run_soak


@pytest.mark.thorough
def test_clients_that_use_everything_get_no_unexpected_response(tmp_path: Path) -> None:
    report = run_soak(tmp_path, seconds=6, clients=4)
    assert report.unexpected == []
    assert report.done["submit"] > 0
    assert report.done["poll"] > 0
    assert report.most_files < 200


def test_growth_is_the_median_at_the_end_beside_that_of_the_steady_state() -> None:
    samples = [Sample(float(i), 100 + 10 * (i >= 20), 5, 50, 5, 0, 0) for i in range(30)]
    assert growth(samples, "api_bytes", after=5, window=5) == Growth("api_bytes", 100, 110)
    assert growth(samples, "agent_bytes", after=5, window=5).ratio == 1.0
