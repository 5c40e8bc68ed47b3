"""Candidates with different losses or quantiles are not ranked by a metric that means another thing in each."""

from typing import Any

import pytest

from workers.sweeps.ranking import why_not_ranked

FOCAL, PLAIN = {"name": "focal", "gamma": 2.0}, {"name": "cross_entropy"}


def quantile(value: float) -> dict[str, Any]:
    return {"name": "quantile", "quantile": value}


@pytest.mark.parametrize(
    ("metric", "losses", "why"),
    [
        (
            "pinball",
            [quantile(0.9), quantile(0.1)],
            "different quantiles (0.1, 0.9) are different metrics; rank by",
        ),
        ("pinball", [quantile(0.9), {"name": "l2"}], "different quantiles (0.5, 0.9)"),
        ("loss", [FOCAL, PLAIN], "different losses"),
        ("loss", [FOCAL, FOCAL | {"gamma": 1.0}], "different losses"),
    ],
)
def test_what_means_another_thing_in_each_is_no_ranking(metric: str, losses: Any, why: str) -> None:
    assert why in (why_not_ranked(metric, losses, regression=metric == "pinball") or "")


@pytest.mark.parametrize(
    ("metric", "losses"),
    [
        ("pinball", [quantile(0.9), quantile(0.9)]),
        ("pinball", [quantile(0.5), {"name": "l1"}]),
        ("rmse", [quantile(0.9), quantile(0.1)]),
        ("loss", [FOCAL, FOCAL]),
        ("balanced_accuracy", [FOCAL, PLAIN]),
        ("loss", []),
    ],
)
def test_what_is_the_same_ranks(metric: str, losses: Any) -> None:
    assert why_not_ranked(metric, losses, regression=False) is None
