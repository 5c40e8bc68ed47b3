import numpy as np
import pytest

from workers.randomness import SPAWN_KEYS, Stream, generator


def test_the_same_path_gives_the_same_numbers() -> None:
    first, second = (generator(7, "resampling", 3).random(100) for _ in range(2))
    assert np.array_equal(first, second)


def test_every_path_gives_numbers_of_its_own() -> None:
    paths: list[tuple[int, Stream, tuple[int, ...]]] = [
        (seed, stream, more)
        for seed in (0, 1, 2**32, 2**63 - 1)
        for stream in SPAWN_KEYS
        for more in ((), (0,), (1,), (0, 0), (2**32,))
    ]
    first_draws = {generator(seed, stream, *more).integers(2**63) for seed, stream, more in paths}
    assert len(first_draws) == len(paths)


def test_draws_in_one_stream_do_not_move_another() -> None:
    expected = generator(0, "dropout").random(5)
    generator(0, "shuffling").random(1000)
    assert np.array_equal(generator(0, "dropout").random(5), expected)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("split", [76, 746, 597, 666]),
        ("thinning", [174, 311, 281, 789]),
        ("synthetic", [498, 436, 536, 13]),
        ("init", [495, 824, 704, 510]),
        ("shuffling", [214, 387, 187, 44]),
        ("dropout", [218, 822, 129, 436]),
        ("resampling", [314, 610, 896, 658]),
    ],
)
def test_the_streams_of_stored_results_stay_what_they_were(stream: Stream, expected: list[int]) -> None:
    assert generator(2024, stream, 5).integers(1000, size=4).tolist() == expected
