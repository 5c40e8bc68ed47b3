"""What the runs of a regression predicted, for a chart: counts of predicted against true numbers, and errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.charts.predicted import QUANTILES, PredictedFigure
from service.charts.scale import span
from service.experiments.row_results import RowResultsLoader
from workers.evaluation.row_results import RowResults

CELLS = 48
"""Along each side of the histogram: a bound on what is drawn, whatever the number of rows."""
TRIMMED = 0.002
"""Of the predictions at either end, this share may lie outside of the axes; those are drawn at the border."""


def predicted_figure(
    name: str, part: str, runs: Sequence[Row[Any]], loader: RowResultsLoader
) -> PredictedFigure:
    """All rows of these runs together, at their selected epochs."""
    found = [_pairs(loader.load(run)) for run in runs]
    targets, predictions = (np.concatenate(column) for column in zip(*found, strict=True))
    ends = [float(targets.min()), float(targets.max()), *np.quantile(predictions, [TRIMMED, 1 - TRIMMED])]
    low, high = span(map(float, ends))
    places = [
        np.clip(((values - low) * (CELLS / (high - low))).astype(np.int64), 0, CELLS - 1)
        for values in (targets, np.clip(predictions, low, high))
    ]
    counts = np.bincount(places[0] * CELLS + places[1], minlength=CELLS**2).reshape(CELLS, CELLS)
    runs_said = "1 run" if len(runs) == 1 else f"{len(runs)} runs together"
    return PredictedFigure(
        title="Predicted against true",
        subtitle=f"{name}: {part} part at the selected epoch, {runs_said}; shade: number of rows",
        low=low,
        high=high,
        counts=counts,
        errors=np.quantile(predictions - targets, QUANTILES).tolist(),
    )


def _pairs(results: RowResults) -> tuple[Any, Any]:
    if results.targets is None or results.prediction is None:
        raise ValueError("these row-level results are of classes")
    return results.targets, results.prediction
