"""Whether one metric ranks all candidates: that of different losses, or of different quantiles, is not the same."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

OTHERS = "rank by a metric that does not depend on the loss, such as balanced_accuracy or nll"
OTHERS_OF_NUMBERS = "rank by rmse, mae, median_absolute_error or r2"


def why_not_ranked(metric: str, losses: Iterable[Mapping[str, Any]], *, regression: bool) -> str | None:
    """Why candidates with these losses cannot be ranked by a metric; None if they can be."""
    remedy = OTHERS_OF_NUMBERS if regression else OTHERS
    if metric == "pinball":
        quantiles = sorted({float(each.get("quantile", 0.5)) for each in losses})
        if len(quantiles) > 1:
            named = ", ".join(f"{each:g}" for each in quantiles[:5])
            return f"the pinball losses of different quantiles ({named}) are different metrics; {remedy}"
    if metric == "loss" and len({json.dumps(each, sort_keys=True) for each in losses}) > 1:
        return f"the candidates minimise different losses, whose values cannot be compared; {remedy}"
    return None
