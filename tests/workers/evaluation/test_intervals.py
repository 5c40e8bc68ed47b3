import math

import numpy as np
import pytest

from workers.evaluation.intervals import adaptive_half_width, corrected_t_interval, t_interval, wilson

COUNTS = [(0, 1), (1, 1), (0, 20), (20, 20), (3, 7), (45, 50), (9_500, 10_000)]


@pytest.mark.parametrize(("successes", "n"), COUNTS)
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_wilson_is_that_of_statsmodels(successes: int, n: int, level: float) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is the oracle")
    interval = wilson(successes, n, level)
    assert interval is not None
    oracle = proportion.proportion_confint(successes, n, alpha=1 - level, method="wilson")
    assert (interval.low, interval.high) == pytest.approx(oracle, abs=1e-12)
    assert interval.level == level


def test_several_looks_share_the_error_probability() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is the oracle")
    interval = wilson(45, 50, 0.95, looks=4)
    assert interval is not None
    oracle = proportion.proportion_confint(45, 50, alpha=0.05 / 4, method="wilson")
    assert (interval.low, interval.high) == pytest.approx(oracle, abs=1e-12)
    assert interval.level == 0.95


def test_wilson_touches_0_and_1_exactly() -> None:
    for n in range(1, 200):
        none, all_ = wilson(0, n), wilson(n, n)
        assert none is not None
        assert all_ is not None
        assert (none.low, all_.high) == (0, 1)


def test_nothing_measured_has_no_interval() -> None:
    assert wilson(0, 0) is None
    assert t_interval([]) is None
    assert adaptive_half_width(0, looks=1) is None


@pytest.mark.parametrize("n", [2, 3, 10, 100])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_t_interval_is_scipys(n: int, level: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(n).normal(0.9, 0.02, n)
    mean = t_interval(values.tolist(), level)
    assert mean is not None
    assert mean.interval is not None
    oracle = stats.t.interval(level, n - 1, loc=values.mean(), scale=stats.sem(values))
    assert (mean.interval.low, mean.interval.high) == pytest.approx(oracle)
    assert (mean.mean, mean.n, mean.sd) == pytest.approx((values.mean(), n, values.std(ddof=1)))


def test_one_seed_has_a_mean_and_no_spread() -> None:
    mean = t_interval([0.9])
    assert mean is not None
    assert (mean.mean, mean.n, mean.sd, mean.interval) == (0.9, 1, None, None)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [10, 100, 1000])
def test_a_single_look_misses_the_adaptive_bound_no_more_often_than_promised(share: float, n: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    half_width = adaptive_half_width(n, looks=1, level=0.95)
    assert half_width is not None
    counts = np.arange(n + 1)
    missed = np.abs(counts / n - share) > half_width
    assert stats.binom.pmf(counts, n, share)[missed].sum() <= 0.05


def test_the_adaptive_bound_is_the_union_bound_over_every_transcript_of_answers() -> None:
    n, looks, level = 1000, 3, 0.95
    half_width = adaptive_half_width(n, looks, level)
    assert half_width is not None
    chance_per_model = 2 * math.exp(-2 * n * half_width**2)
    assert looks * (n + 1) ** (looks - 1) * chance_per_model == pytest.approx(1 - level)


def test_each_earlier_look_counts_with_its_own_number_of_answers() -> None:
    """The first told the accuracy of each class of 1 model, the second that of 3 models, the third one number."""
    earlier, looks, level = [[30, 50, 20], [90, 150, 60], [100]], 4, 0.95
    half_width = adaptive_half_width(100, looks, level, earlier=earlier)
    assert half_width is not None
    transcripts = (31 * 51 * 21) * (91 * 151 * 61) * 101
    assert looks * transcripts * 2 * math.exp(-2 * 100 * half_width**2) == pytest.approx(1 - level)
    assert half_width > (adaptive_half_width(100, looks, level) or 1)
    assert adaptive_half_width(100, looks, level, earlier=[]) == pytest.approx(
        math.sqrt(math.log(2 * looks / 0.05) / 200)
    )


def test_the_corrected_t_interval_is_nadeau_and_bengio_s_by_hand() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = [0.81, 0.84, 0.79, 0.86, 0.82, 0.80, 0.85, 0.83, 0.78, 0.84]
    found = corrected_t_interval(values, evaluation_share=0.25)
    assert found is not None
    mean, interval = found
    scale = np.std(values, ddof=1) * math.sqrt(1 / 10 + 0.25)
    low, high = stats.t(9, loc=np.mean(values), scale=scale).interval(0.95)
    assert [mean, interval.low, interval.high] == pytest.approx([np.mean(values), low, high])
    assert corrected_t_interval([0.5], evaluation_share=0.25) is None
