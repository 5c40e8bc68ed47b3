"""Which field mattered: shares and marginal means of sweeps whose truth is known, and an oracle."""

import numpy as np
import pytest

from workers.sweeps.field_effects import ABSENT, field_effects


def sweep(count: int = 200, seed: int = 0) -> tuple[list[dict[str, object]], np.random.Generator]:
    """Candidates with a loss, a rate, and gamma where the loss has it."""
    generator = np.random.default_rng(seed)
    swept: list[dict[str, object]] = []
    for _ in range(count):
        values: dict[str, object] = {
            "loss": str(generator.choice(["a", "b", "focal"])),
            "rate": float(10 ** generator.uniform(-4, -1)),
        }
        if values["loss"] == "focal":
            values["loss.gamma"] = float(generator.uniform(0, 5))
        swept.append(values)
    return swept, generator


def test_the_field_that_decides_has_the_share() -> None:
    swept, generator = sweep()
    values = [{"a": 0.0, "b": 1.0, "focal": 2.0}[str(each["loss"])] for each in swept]
    noisy = (np.array(values) + 0.3 * generator.standard_normal(len(values))).tolist()
    found = field_effects(swept, noisy)
    first, *others = found.fields
    assert first.path == "loss"
    assert first.share == pytest.approx(np.var(values) / (np.var(values) + 0.09), abs=0.05)
    assert first.p_value is not None
    assert first.p_value < 1e-6
    assert all((each.share or 0) < 0.03 for each in others)
    means = {level.level: level for level in first.levels}
    for name, truth in (("a", 0.0), ("b", 1.0), ("focal", 2.0)):
        low, high = means[name].low, means[name].high
        assert low is not None
        assert high is not None
        assert low < truth < high
    assert found.unexplained == pytest.approx(0.09 / (np.var(values) + 0.09), abs=0.05)


def test_a_field_is_not_credited_with_what_another_did() -> None:
    generator = np.random.default_rng(0)
    swept = [{"a": int(a), "b": int(a if generator.random() < 0.8 else 1 - a)} for a in np.arange(200) % 2]
    values = [each["a"] + 0.2 * float(generator.standard_normal()) for each in swept]
    by_path = {each.path: each for each in field_effects(swept, values).fields}
    assert (by_path["b"].share or 0) < 0.02
    assert [level.mean for level in by_path["b"].levels] == pytest.approx([0.5, 0.5], abs=0.1)


def test_an_interaction_has_a_share_that_no_field_has() -> None:
    swept = [{"a": i % 2, "b": i // 2 % 2} for i in range(80)]
    generator = np.random.default_rng(0)
    values = [float(each["a"] ^ each["b"]) + 0.1 * float(generator.standard_normal()) for each in swept]
    found = field_effects(swept, values)
    assert all((each.share or 0) < 0.02 for each in found.fields)
    assert found.interactions["a", "b"] > 0.9


def test_fields_of_a_variant_have_a_level_where_they_do_not_apply() -> None:
    swept, _ = sweep(60)
    gamma = next(
        each for each in field_effects(swept, [0.0] * 59 + [1.0]).fields if each.path == "loss.gamma"
    )
    assert ABSENT in [level.level for level in gamma.levels]


def test_levels_of_numbers_are_in_their_order_and_what_is_not_set_is_last() -> None:
    rates = [0.03, 0.0001, None, 0.004, 0.02, 0.3, 0.1, 0.001, 0.09]
    widths = [64, 8, 128, 8, 64, 16, 128, 16, 8]
    swept = [{"rate": rate, "width": width} for rate, width in zip(rates, widths, strict=True)]
    found = {
        each.path: [level.level for level in each.levels] for each in field_effects(swept, [0.0] * 9).fields
    }
    assert found["width"] == ["8", "16", "64", "128"]
    assert found["rate"][-1] == ABSENT
    starts = [float(level.partition(" to ")[0]) for level in found["rate"][:-1]]
    assert len(starts) == 4
    assert starts == sorted(starts)


def test_too_few_candidates_have_no_shares() -> None:
    found = field_effects([{"a": 1}, {"a": 2}], [0.1, 0.2])
    assert (found.fields[0].share, found.fields[0].p_value, found.unexplained) == (None, None, None)
    assert [level.mean for level in found.fields[0].levels] == pytest.approx([0.1, 0.2])
    assert field_effects([{"a": 1}, {"a": 1}], [0.1, 0.2]).fields == []


def test_without_candidates_there_are_no_fields() -> None:
    found = field_effects([], [])
    assert (found.fields, found.interactions, found.unexplained) == ([], {}, None)


def test_sums_of_squares_are_those_of_statsmodels() -> None:
    pandas = pytest.importorskip("pandas")
    api = pytest.importorskip("statsmodels.formula.api")
    anova = pytest.importorskip("statsmodels.stats.anova")
    generator = np.random.default_rng(1)
    a, b = generator.integers(0, 3, 60), generator.integers(0, 2, 60)
    y = a + 0.5 * b + generator.standard_normal(60)
    table = anova.anova_lm(
        api.ols("y ~ C(a) + C(b)", pandas.DataFrame({"a": a, "b": b, "y": y})).fit(), typ=2
    )
    swept = [{"a": int(i), "b": int(j)} for i, j in zip(a, b, strict=True)]
    for each in field_effects(swept, y.tolist()).fields:
        assert each.p_value == pytest.approx(table["PR(>F)"][f"C({each.path})"], rel=1e-6)


def test_marginal_means_stay_within_the_range_of_the_metric() -> None:
    swept, generator = sweep(12)
    values = np.clip(0.97 + 0.1 * generator.standard_normal(12), 0, 1).tolist()
    free, clipped = field_effects(swept, values), field_effects(swept, values, lowest=0.0, highest=1.0)
    highs = [level.high for field in free.fields for level in field.levels]
    assert max(high for high in highs if high is not None) > 1
    for field in clipped.fields:
        for level in field.levels:
            assert level.low is not None
            assert level.high is not None
            assert 0 <= level.low <= level.mean <= level.high <= 1
    assert [field.share for field in clipped.fields] == [field.share for field in free.fields]
