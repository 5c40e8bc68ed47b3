"""Scores rows with a stored model, for a comparison of shifts."""

from dataclasses import replace

import numpy as np

from workers.data.columns import Column
from workers.data.dataset import Dataset, Features
from workers.nn.arrays import Array, Integers
from workers.predictor import Overflow, Predictor
from workers.shift import kernel_sample
from workers.shift.detection import Floats
from workers.shift.rows import Reference, ScoredRows

CHUNK_CELLS = 2**20
MOST_UNIT_ROWS = 10_000
MOST_UNITS = 500
"""Hidden units that the linear classifier reads of that many rows, so that it takes some 5 seconds at most."""
MOST_REFERENCE_CELLS = 10_000_000
"""Of the validation rows that are kept in memory for comparisons: 40 MB."""


def score(
    predictor: Predictor,
    features: Features,
    stream: np.random.Generator,
    labels: Integers | None = None,
    targets: Floats | None = None,
    *,
    most_sampled: int = kernel_sample.MOST_ROWS,
) -> ScoredRows:
    """Score rows (n, d) as the data set stores them. Raises Overflow with the index of a row."""
    step = max(1, CHUNK_CELLS // features.shape[1])
    predicted, outputs = [], []
    for start in range(0, len(features), step):
        try:
            found = predictor(features[start : start + step])
        except Overflow as error:
            raise Overflow(start + error.row) from None
        predicted.append(found.labels)
        outputs.append(found.outputs)
    width = predictor.inputs(features[:1]).shape[1]
    chosen = kernel_sample.choose(len(features), width, stream, most_sampled)
    sample = predictor.inputs(features[chosen])
    units = _hidden_units(predictor, features, stream)
    return ScoredRows(
        features, np.concatenate(outputs), np.concatenate(predicted), sample, units, labels, targets
    )


def _hidden_units(predictor: Predictor, features: Features, stream: np.random.Generator) -> Array:
    """What the last layer reads (u, H) of some of the rows. More units than MOST_UNITS are projected at random."""
    if len(features) > MOST_UNIT_ROWS:
        features = features[np.sort(stream.choice(len(features), MOST_UNIT_ROWS, replace=False))]
    width = predictor.representation(features[:1]).shape[1]
    step = max(1, CHUNK_CELLS // max(width, features.shape[1]))
    chunks = (features[start : start + step] for start in range(0, len(features), step))
    if width <= MOST_UNITS:
        return np.concatenate([predictor.representation(chunk) for chunk in chunks])
    projection = _projection(width)
    return np.concatenate([predictor.representation(chunk) @ projection for chunk in chunks])


def _projection(width: int) -> Array:
    """A matrix (H, MOST_UNITS) of random signs, the same for all rows that are compared.

    Source: Achlioptas 2003, Database-friendly random projections.
    """
    signs = np.random.default_rng(0).integers(0, 2, (width, MOST_UNITS), np.int8)
    return np.asarray(2 * signs - 1, np.float32)


def reference(predictor: Predictor, part: Dataset, stream: np.random.Generator) -> Reference:
    """The validation part of a model, or as many of its rows as memory allows, scored by the model."""
    most = max(100, MOST_REFERENCE_CELLS // part.features.shape[1])
    if len(part) > most:
        part = part.take(np.sort(stream.choice(len(part), most, replace=False)))
    features: Features = part.features.copy()
    most = kernel_sample.MOST_REFERENCE_ROWS
    rows = score(predictor, features, stream, part.labels, part.targets, most_sampled=most)
    names = part.columns or tuple(Column(str(index)) for index in range(part.features.shape[1]))
    return Reference(
        replace(rows, labels=None if predictor.is_regression else rows.labels),
        names,
        part.classes,
        is_distribution=predictor.is_distribution,
        is_regression=predictor.is_regression,
        offset=part.offset,
    )
