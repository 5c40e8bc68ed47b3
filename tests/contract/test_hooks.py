"""The rules of hooks.py allow only refusals for reasons that no schema can state."""

import pytest

pytest.importorskip("schemathesis", reason="pip install 'holdout[test]'")

from tests.contract.hooks import beyond_the_schema, only
from workers.spec import ExperimentSpec


@pytest.mark.parametrize(
    "spec", [{}, {"split": {"train": 0.5}}, {"dataset": "not-there"}, {"seeds": [8.0]}, {"loss": "focal"}]
)
def test_a_spec_with_valid_fields_may_be_refused(spec: dict[str, object]) -> None:
    assert beyond_the_schema(ExperimentSpec)({}, spec)


@pytest.mark.parametrize(
    "spec", [{"loss": "fokal"}, {"seeds": [2**63]}, {"loss": {"gamma": 2}}, {"colour": 1}]
)
def test_a_spec_that_the_schema_should_have_refused_is_not_excused(spec: dict[str, object]) -> None:
    assert not beyond_the_schema(ExperimentSpec)({}, spec)


def test_a_rule_about_some_parameters_allows_errors_in_no_other() -> None:
    rule = only("limit")
    assert rule({"errors": [{"path": "limit"}]}, None)
    assert not rule({"errors": [{"path": "limit"}, {"path": "split"}]}, None)
