"""The simulation of twins: few draws show that it can fail, `make simulate` shows that it does not."""

import numpy as np
import pytest

from benchmarks.simulation.twins import Draw, on_rows, over_folds, simulate
from service.experiments.contenders import Contender


@pytest.mark.parametrize("draw", [over_folds(2.0), on_rows])
def test_twins_are_seldom_called_better(draw: Draw) -> None:
    outcome = simulate("", draw, twins=3, draws=10)
    assert outcome.draws == 10
    assert outcome.some_better <= 0.2


def test_experiments_that_do_differ_are_called_better() -> None:
    def different(generator: np.random.Generator, twins: int) -> list[Contender]:
        contenders = over_folds(1.0)(generator, twins)
        for place, each in enumerate(contenders):
            for figures in each.figures.values():
                figures.balanced_accuracy -= place
        return contenders

    outcome = simulate("", different, twins=3, draws=3)
    assert (outcome.some_better, outcome.pairs_better) == (1, 1)
