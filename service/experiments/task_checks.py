"""Refuses what only a classification has, if an experiment is a regression."""

from collections.abc import Mapping
from typing import Any

from service.store.errors import NotClassification, NotRegression
from service.store.spec_facts import is_regression


def require_classes(plan: Mapping[str, Any], experiment_id: int, what: str) -> None:
    """Raise NotClassification if an experiment with this plan predicts numbers. what: what it would be asked for."""
    if is_regression(plan):
        raise NotClassification(experiment_id, what)


def require_numbers(plan: Mapping[str, Any], experiment_id: int) -> None:
    """Raise NotRegression if an experiment with this plan predicts classes."""
    if not is_regression(plan):
        raise NotRegression(experiment_id)
