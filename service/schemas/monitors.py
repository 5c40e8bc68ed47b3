"""The models of requests and responses of monitors."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import FOLD, REPEAT, Links, Next, OptionalTime, ResponseModel, Time
from service.schemas.shift import Shift
from workers.shift.evidence import ShiftEvidence, share, spent
from workers.shift.monitoring import Comparison, Detector, threshold
from workers.validation.patterns import worded

NAME = worded(r"^[^\x00-\x1f\x7f]+$", "a text without control characters")
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=NAME)]
MonitorStatus = Literal["quiet", "alarm"]
MOST_NAMES = 20
"""Of features that moved, in a batch of a list."""


class NewMonitor(BaseModel):
    """A monitor to add: of which model, and how often it may raise an alarm without a shift.

    seed, repeat, fold: the run whose model is used; by default the first one submitted that has a model.
    """

    model_config = ConfigDict(extra="forbid")

    experiment_id: int = Field(strict=True, ge=1, lt=2**63, examples=[1])
    name: Name = Field(examples=["line 2"])
    alpha: float = Field(
        0.05,
        strict=True,
        ge=1e-6,
        le=0.5,
        description="The probability of any alarm over the whole life of the monitor if nothing shifts.",
    )
    detectors: Annotated[list[Detector], Field(min_length=1, max_length=5)] | None = Field(
        None, description="By default all that there are.", examples=[["outputs", "features"]]
    )
    seed: int | None = Field(None, strict=True, ge=0, lt=2**63)
    repeat: int | None = Field(None, strict=True, ge=0, lt=2**31)
    fold: int | None = Field(None, strict=True, ge=0, lt=2**31)


class Monitor(ResponseModel):
    """A monitor, and how far it is.

    status: quiet, or alarm from the first one on. next_level: what the p-value of the next batch against the
    validation rows has to reach; the levels of all batches sum to half of alpha. evidence: against the rows before;
    it raises an alarm at `threshold`, 2 / alpha.
    """

    id: int
    experiment_id: int
    name: str
    owner: str
    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    alpha: float
    detectors: list[Detector]
    status: MonitorStatus
    batches: int
    spent: float = Field(description="How much of alpha the batches have spent against the validation rows.")
    next_level: float
    evidence: float
    threshold: float
    first_alarm: int | None = Field(description="The number of the batch that raised it.")
    alarmed_at: OptionalTime
    last_batch_at: OptionalTime
    created_at: Time
    links: Links

    @classmethod
    def of(cls, row: Any) -> "Monitor":
        half, here = row.alpha / 2, f"/monitors/{row.id}"
        facts = {
            "status": "quiet" if row.first_alarm is None else "alarm",
            "spent": half * spent(row.batches),
            "next_level": half * share(row.batches + 1),
            "evidence": ShiftEvidence(row.products, row.batches).value,
            "threshold": threshold(row.alpha),
            "links": {"self": here, "batches": f"{here}/batches", "chart": f"{here}/chart.svg"},
        }
        return cls.model_validate({**row._mapping, **facts})


class MonitorPage(ResponseModel):
    """A page of monitors."""

    items: list[Monitor]
    next: Next


class MonitorTest(ResponseModel):
    """One detector on one batch: its p-value against the validation rows, and against the rows before; the e-value of
    the latter, and the evidence of this detector after the batch.
    """

    name: Detector
    p_value: float
    p_before: float
    e_value: float
    evidence: float


class MonitorBatch(ResponseModel):
    """A tested batch.

    p_value: the smallest against the validation rows, corrected for the detectors; an alarm if it is at most `level`.
    evidence: against the rows before, after this batch. alarms: the comparisons that raise one. moved: the features
    that moved against the validation rows, the largest move first, at most 20; a test of this batch alone, at 5 %.
    """

    monitor_id: int
    number: int
    name: str | None
    owner: str
    rows: int
    p_value: float
    level: float
    evidence: float
    alarms: list[Comparison]
    tests: list[MonitorTest]
    moved: list[str]
    features_moved: int
    accuracy: float | None = Field(
        description="Measured with labels; of a regression the mean absolute error."
    )
    received_at: Time
    links: Links

    @classmethod
    def facts(cls, row: Any) -> dict[str, Any]:
        """The fields by name."""
        return {
            **row._mapping,
            "links": {"self": f"/monitors/{row.monitor_id}/batches/{row.number}"},
        }

    @classmethod
    def of(cls, row: Any) -> "MonitorBatch":
        return cls.model_validate(cls.facts(row))


class MonitorBatchReport(MonitorBatch):
    """A tested batch with the report of its comparison with the validation rows."""

    report: Shift

    @classmethod
    def of(cls, row: Any) -> "MonitorBatchReport":
        return cls.model_validate(cls.facts(row))


class MonitorBatchPage(ResponseModel):
    """A page of batches."""

    items: list[MonitorBatch]
    next: Next
