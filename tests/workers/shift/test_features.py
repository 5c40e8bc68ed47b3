"""Which features moved: by name, the largest move first, with levels and values that validation never had."""

import numpy as np

from workers.data.columns import Column
from workers.shift.features import compare_features

COLUMNS = (
    Column("age"),
    Column("income"),
    Column("town", "category", ("Bern", "Rome", "Oslo")),
    Column("height"),
)


def rows(count: int, stream: np.random.Generator) -> np.ndarray:
    return np.column_stack(
        [
            stream.normal(40, 10, count),
            stream.normal(0, 1, count),
            stream.choice(2, count),
            stream.normal(170, 10, count),
        ]
    ).astype(np.float32)


def test_the_moved_feature_comes_first_and_says_what_is_new() -> None:
    stream = np.random.default_rng(0)
    before, after = rows(800, stream), rows(200, stream)
    after[:, 0] *= 1.2
    after[:40, 2] = 2  # a level that no validation row has
    after[:30, 2] = -1  # one that the data set has not
    after[:120, 1] = np.nan
    offset = np.array([0.0, 0.0, 0.0, 1000.0])
    moves, detection = compare_features(before, after, COLUMNS, stream, offset)
    assert [move.name for move in moves][-1] == "height"
    assert {move.name for move in moves if move.has_moved} == {"age", "income", "town"}
    assert [move.move for move in moves] == sorted((move.move for move in moves), reverse=True)
    of = {move.name: move for move in moves}
    assert of["income"].move == 0.6 == round(of["income"].missing_after, 6)
    assert of["town"].unseen == 40
    assert of["age"].mean_after is not None
    assert of["age"].mean_before is not None
    assert of["age"].mean_after / of["age"].mean_before > 1.1
    assert of["age"].out_of_range > of["age"].out_of_range_expected
    assert of["height"].mean_before is not None
    assert abs(of["height"].mean_before - 1170) < 2
    assert detection.is_alarm
    assert detection.statistic == moves[0].move


def test_columns_that_are_missing_or_constant_have_an_answer_too() -> None:
    stream = np.random.default_rng(0)
    before, after = rows(100, stream), rows(30, stream)
    after[:, 0] = np.nan
    before[:, 1] = after[:, 1] = 5
    before[:, 3] = np.nan
    moves, _ = compare_features(before, after, COLUMNS, stream)
    of = {move.name: move for move in moves}
    assert of["age"].move == 1
    assert of["age"].has_moved
    assert of["age"].mean_after is None
    assert of["income"].move == 0
    assert of["income"].p_value == 1
    assert of["height"].mean_before is None
    assert of["height"].out_of_range == 30


def test_one_row_is_compared_and_its_power_says_that_it_shows_nothing() -> None:
    stream = np.random.default_rng(0)
    moves, detection = compare_features(rows(300, stream), rows(1, stream), COLUMNS, stream)
    assert not detection.is_alarm
    assert all(move.smallest_move is None for move in moves if move.kind == "number")
