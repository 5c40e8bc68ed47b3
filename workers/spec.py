"""ExperimentSpec: what a client submits. Every field has a default.

Ranges and names are declared here and on the variants; `workers.spec_rules` has the rules across fields.
"""

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from workers.corruptions.choice import WantedRobustness
from workers.data.balancing import AnyBalancing, NoBalancing
from workers.data.preprocessing import Preprocessing
from workers.data.scaling import AnyScaling, Auto
from workers.data.sources import AnySource, Bundled
from workers.data.splits import AnySplit, RatioSplit
from workers.evaluation.selection import SelectionMetric
from workers.logit_adjustment import Argmax
from workers.nn.arrays import Shape
from workers.nn.class_weights import AnyClassWeights, NoWeights
from workers.nn.losses import AnyLoss, CrossEntropy
from workers.nn.losses import Task as TaskName
from workers.nn.models import MLP, AnyModel, Task
from workers.nn.optimizers import Adam, AnyOptimizer
from workers.nn.schedules import AnySchedule, Constant
from workers.tagged_union import NonNegative, Positive, Seed, variant
from workers.thresholds import AnyPrediction
from workers.validation.patterns import worded

TAG = worded(
    r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$",
    "up to 64 letters, digits and . _ : / -, and start with a letter or a digit",
)
NAME = worded(r"^[^\x00-\x1f\x7f]*$", "a text without control characters")
ExperimentTag = Annotated[str, Field(strict=True, pattern=TAG)]
ExperimentName = Annotated[str, Field(strict=True, max_length=200, pattern=NAME)]

MOST_SEEDS = 100
MOST_RUNS = 500
"""Runs of an experiment: repeats times folds times seeds."""
DEFAULT_METRIC: SelectionMetric = "balanced_accuracy"
"""Selects the best epoch if early stopping names no metric: chance level is 1/K for any class balance."""
DEFAULT_METRIC_OF_NUMBERS: SelectionMetric = "rmse"
"""The same of a regression."""


@variant
class EarlyStopping:
    """Stops when `metric` on the validation part has not improved by `min_delta` for `patience` epochs.

    By default it is the balanced accuracy, and in a regression the RMSE.
    """

    metric: SelectionMetric | None = None
    patience: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 5
    min_delta: NonNegative = 0.0


@variant
class Training:
    """Length and speed of training. One epoch is one pass over the rows that the balancing draws.

    A batch has `batch_size` rows; one step uses the gradients of `accumulate` batches.
    `clip_norm` limits the gradient's global norm. float64 is for comparisons with other implementations.
    bfloat16 is mixed precision: training rounds the operands of matrix products to bfloat16 and sums in float32. All
    else stays in float32, also the evaluation. It needs a processor with a unit for such products, and MKL.
    A run that trains longer than `max_seconds`, over all its attempts, fails as `timeout`.
    """

    epochs: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 20
    batch_size: Annotated[int, Field(strict=True, ge=1, le=65_536)] = 64
    accumulate: Annotated[int, Field(strict=True, ge=1, le=1024)] = 1
    schedule: AnySchedule = Constant()
    clip_norm: Positive | None = None
    early_stopping: EarlyStopping | None = None
    precision: Literal["float32", "float64", "bfloat16"] = "float32"
    max_seconds: Positive | None = None

    @property
    def is_mixed(self) -> bool:
        """Whether it trains in mixed precision."""
        return self.precision == "bfloat16"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the weights, and of all that is not rounded."""
        return np.dtype(np.float32 if self.is_mixed else self.precision)


def _declare_replicates(schema: dict[str, Any]) -> None:
    """Declare the short form of `seeds` in the JSON schema: it is not a field."""
    number = {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}
    schema["properties"]["replicates"] = {
        "anyOf": [number, {"type": "null"}],
        "title": "Replicates",
        "description": "3 is short for the seeds 0, 1 and 2.",
    }
    schema["dependentSchemas"] = {
        "seeds": {"not": {"properties": {"replicates": {"type": "integer"}}, "required": ["replicates"]}}
    }


class ExperimentSpec(BaseModel):
    """One experiment: a data set, how it is split and balanced, a network, and how it is trained.

    Each seed is a run of its own: it draws the initial weights, the order of the rows, dropout and resampling.
    The split has its own seed, so that all runs see the same three parts. Without a `task`, the data set decides: one
    of numbers is a regression.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, json_schema_extra=_declare_replicates
    )

    SHORT_FORMS: ClassVar = ("replicates",)
    """Keys that are accepted but are not fields."""

    name: ExperimentName = ""
    tags: Annotated[tuple[ExperimentTag, ...], Field(max_length=32)] = ()
    priority: Annotated[int, Field(strict=True, ge=-1000, le=1000)] = 0
    dataset: AnySource = Bundled(name="digits")
    task: TaskName | None = None
    split: AnySplit = RatioSplit()
    preprocessing: Preprocessing = Preprocessing()
    scaling: AnyScaling = Auto()
    balancing: AnyBalancing = NoBalancing()
    class_weights: AnyClassWeights = NoWeights()
    model: AnyModel = MLP()
    loss: AnyLoss = CrossEntropy()
    optimizer: AnyOptimizer = Adam()
    training: Training = Training()
    prediction: AnyPrediction = Argmax()
    robustness: WantedRobustness = None
    seeds: Annotated[
        tuple[Seed, ...], Field(min_length=1, max_length=MOST_SEEDS, json_schema_extra={"uniqueItems": True})
    ] = (0,)

    @model_validator(mode="before")
    @classmethod
    def _replicates(cls, given: Any) -> Any:
        """`"replicates": 3` is short for `"seeds": [0, 1, 2]`; null means the key is absent."""
        if not isinstance(given, dict) or "replicates" not in given:
            return given
        given = dict(given)
        replicates = given.pop("replicates")
        if replicates is None:
            return given
        if "seeds" in given:
            raise ValueError(
                "seeds and replicates were both given; replicates: n is short for seeds: [0, ..., n-1]"
            )
        if type(replicates) is not int or not 1 <= replicates <= MOST_SEEDS:
            right = f"a whole number from 1 to {MOST_SEEDS}"
            raise ValueError(f"replicates should be {right}")
        return given | {"seeds": list(range(replicates))}

    @model_validator(mode="after")
    def _distinct(self) -> "ExperimentSpec":
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds repeat; each run of an experiment needs a seed of its own")
        return self

    @property
    def selection_metric(self) -> SelectionMetric:
        """The validation metric that chooses the best epoch."""
        stopping = self.training.early_stopping
        if stopping and stopping.metric is not None:
            return stopping.metric
        return DEFAULT_METRIC_OF_NUMBERS if self.task == "regression" else DEFAULT_METRIC

    def network_task(self, *, features: int, classes: int, image_shape: Shape | None) -> Task:
        """The task for the network: the shape of the data, and the output layer that the loss needs.

        A regression has one output, whatever the number of bins.
        """
        outputs = 1 if self.task == "regression" else classes
        return Task(features, outputs, image_shape, self.loss.output, self.loss.scale)

    @property
    def spec_hash(self) -> str:
        """SHA-256 of what determines the numbers: all but the name, the tags, the priority, the time limit, and the
        report that follows the training.

        The default preprocessing is no part of it: specs that an older version stored have none.
        """
        without: dict[str, Any] = {"name": True, "tags": True, "priority": True, "training": {"max_seconds"}}
        without["robustness"] = True
        if getattr(self.split, "by", None) is None:  # hashes from before there were splits by a column
            without["split"] = {"by"}
        if self.preprocessing == Preprocessing():
            without["preprocessing"] = True
        without |= {} if self.task == "regression" else {"task": True}  # hashes from before there were tasks
        content = self.model_dump(mode="json", exclude=without)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
