"""SweepRequest: what a client submits as a sweep. Every field but the space has a default."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from workers.nn.losses import Task as TaskName
from workers.spec import ExperimentName, ExperimentSpec
from workers.sweeps.presets import Preset, space_of
from workers.sweeps.ranges import AnyRange, Range
from workers.sweeps.strategies import DEFAULT_CANDIDATES, MOST_CANDIDATES, AnyStrategy, Grid
from workers.tasks.resolution import resolved

MOST_DIMENSIONS = 32
FieldPath = Annotated[str, Field(min_length=1, max_length=200)]
GivenSpace = Annotated[dict[FieldPath, AnyRange], Field(min_length=1, max_length=MOST_DIMENSIONS)]
PRESET_SPACE: TypeAdapter[Any] = TypeAdapter(GivenSpace)


class SweepRequest(BaseModel):
    """Many experiments that differ in some fields of one spec.

    Each candidate is an ordinary experiment: the base spec with other values of the fields in `space`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ExperimentName = ""
    spec: ExperimentSpec = Field(
        default=ExperimentSpec(),
        description="The base spec. Its seeds and epochs are those of each candidate.",
    )
    preset: Preset | None = Field(
        None,
        description="A space for a common question. imbalance: no treatment, resampling, class weights and a loss "
        "for imbalanced classes, side by side. The ranges of `space` are added to it.",
    )
    space: GivenSpace | None = Field(
        None,
        description="The range of each field, by its path in the spec, such as optimizer.learning_rate. The field of "
        "a variant (loss.gamma) applies to the candidates whose variant has it. The path spec chooses among objects "
        "of several fields.",
    )
    strategy: AnyStrategy = Grid()
    candidates: Annotated[int, Field(strict=True, ge=1, le=MOST_CANDIDATES)] | None = Field(
        None,
        description=f"How many candidates are drawn, by default {DEFAULT_CANDIDATES}; of a grid, how many it may "
        "have at most.",
    )

    max_seconds: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        None,
        description="How long candidates may be started, from the start of the first run. What has not started by "
        "then is cancelled; the others train to their end.",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_a_space(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("space") is None and given.get("preset") is None:
            raise ValueError(
                'a sweep needs a preset or a space, as in "space": {"optimizer.learning_rate": {"log": [0.001, 0.1]}}'
            )
        return given

    def of_task(self, task: TaskName | None) -> "SweepRequest":
        """The request of candidates that all have this task: its base spec names it, as their specs do, with the
        metric that selects and a loss that fits. Candidates are ranked, and further ones chosen, by the base spec.
        """
        if task is None:
            return self
        return self.model_copy(update={"spec": resolved(self.spec.model_copy(update={"task": task}), None)})

    @property
    def ranges(self) -> dict[str, Range]:
        """The range of each field: those of the preset, and those given, which come first in a conflict."""
        of_preset = PRESET_SPACE.validate_python(space_of(self.preset)) if self.preset else {}
        return {**of_preset, **(self.space or {})}
