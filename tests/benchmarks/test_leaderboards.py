"""The simulation of leaderboards: few draws show that it can fail, `make simulate` shows that it does not."""

import numpy as np
import pytest

from benchmarks.simulation.leaderboards import simulate, truth_on_rows
from benchmarks.simulation.twins import Draw, on_rows, over_folds
from service.experiments.contenders import Contender


@pytest.mark.parametrize("draw", [over_folds(1.0), on_rows])
def test_equal_candidates_have_no_winner(draw: Draw) -> None:
    outcome = simulate("", draw, candidates=20, draws=10, truth=truth_on_rows(20))
    assert (outcome.named, outcome.any_worse <= 0.2) == (0, True)
    if draw is on_rows:
        assert outcome.measured is not None
        assert outcome.corrected is not None
        assert outcome.measured > 0.5
        assert abs(outcome.corrected) < outcome.measured


def test_a_better_candidate_is_named() -> None:
    def different(generator: np.random.Generator, twins: int) -> list[Contender]:
        contenders = over_folds(1.0)(generator, twins)
        for figures in contenders[0].figures.values():
            figures.balanced_accuracy += 0.2
        return contenders

    assert simulate("", different, candidates=5, draws=3, truth=None).named == 1
