"""The rules of hooks.py let pass what no schema states, and nothing else."""

import pytest

pytest.importorskip("schemathesis", reason="pip install 'holdout[test]'")

from tests.contract.hooks import beyond_the_declarations, only


@pytest.mark.parametrize(
    "spec", [{}, {"split": {"train": 0.5}}, {"dataset": "not-there"}, {"seeds": [8.0]}, {"loss": "focal"}]
)
def test_a_spec_whose_fields_are_fine_may_be_refused(spec: dict[str, object]) -> None:
    assert beyond_the_declarations({}, spec)


@pytest.mark.parametrize(
    "spec", [{"loss": "fokal"}, {"seeds": [2**63]}, {"loss": {"gamma": 2}}, {"colour": 1}]
)
def test_a_spec_that_the_schema_should_have_refused_may_not(spec: dict[str, object]) -> None:
    assert not beyond_the_declarations({}, spec)


def test_a_rule_about_some_parameters_excuses_no_other() -> None:
    rule = only("limit")
    assert rule({"errors": [{"path": "limit"}]}, None)
    assert not rule({"errors": [{"path": "limit"}, {"path": "split"}]}, None)
