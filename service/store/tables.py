"""The tables. Times are seconds since 1970 by the database's clock; absent is NULL, and NaN is never stored."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

from sqlalchemy import (
    JSON,
    BigInteger,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Row,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from service.store.engine.integers import WideParameterInteger
from workers.evaluation.metrics import METRICS, SUMMARISED, Metric
from workers.evaluation.metrics.per_bin import BIN_METRICS, BinMetric
from workers.evaluation.metrics.per_class import CLASS_METRICS, ClassMetric

ActiveStatus = Literal["queued", "running"]
JobKind = Literal["robustness"]
FinalStatus = Literal["succeeded", "failed", "cancelled"]
SweepEnd = Literal["sweep.succeeded", "sweep.failed", "sweep.cancelled"]
"""An experiment or a run with a final status has ended; only a retry queues it again."""
MonitorAlarm = Literal["monitor.alarm"]
Status = Literal[ActiveStatus, FinalStatus]
WaitingFor = Literal["artifact_store", "worker"]
"""What holds up a run that is queued or running: its agent cannot reach the store, or cannot start its worker."""

ACTIVE_STATUSES: tuple[str, ...] = get_args(ActiveStatus)
FINAL_STATUSES: tuple[str, ...] = get_args(FinalStatus)

Rows = Sequence[Row[Any]]
"""The result of a query."""


class Base(DeclarativeBase):
    """Constraints have names, so that a migration can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy's own name
        dict[str, Any]: JSON,
        list[Any]: JSON,
        int: WideParameterInteger,
    }


class Experiment(Base):
    """A resolved spec, and the facts about it that were known before training.

    The status follows from the runs; only `service.store.queue` writes it. `intervals`: those of the summary,
    computed once after the experiment has ended; null before that, and in experiments without row-level results.
    revision: counts the changes of its name, tags and note.
    sweep_id, candidate, swept: of a candidate of a sweep, which one, from 0, and its values of the swept fields.
    drawn: what a strategy that learns remembers of it.
    """

    __tablename__ = "experiments"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    status: Mapped[str] = mapped_column(default="queued")
    priority: Mapped[int]
    owner: Mapped[str]
    spec: Mapped[dict[str, Any]]
    spec_hash: Mapped[str]
    plan: Mapped[dict[str, Any]]
    warnings: Mapped[list[Any]]
    dataset: Mapped[str]
    loss: Mapped[str]
    optimizer: Mapped[str]
    balancing: Mapped[str]
    baselines: Mapped[list[Any] | None]
    intervals: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    sweep_id: Mapped[int | None]
    candidate: Mapped[int | None]
    swept: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    note: Mapped[str] = mapped_column(default="", server_default="")
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    drawn: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    # A page of a list is read in order from the index of its filter, however many experiments there are.
    # The id of a deleted experiment is never given to another one.
    __table_args__ = (
        Index(None, "status", "id"),
        Index(None, "dataset", "id"),
        Index(None, "loss", "id"),
        Index(None, "optimizer", "id"),
        Index(None, "balancing", "id"),
        Index(None, "name", "id"),
        Index(None, "created_at", "id"),
        Index(None, "finished_at", "id"),
        Index(None, "sweep_id", "candidate", unique=True),
        {"sqlite_autoincrement": True},
    )


class Sweep(Base):
    """The request of a sweep. Its candidates are the experiments with its id; its status follows from theirs.

    repeated: how many candidates were left out, as another has the same spec. cancelled_at: when it was cancelled;
    null again after a retry. max_seconds: how long it may start candidates; deadline: until when, once a run has
    started; stopped_at: when that was over. announced_at: when webhooks got the messages about its end. asked: how
    many candidates were chosen; unasked: how many are chosen later, by the results of these. waiting_for: the package
    that no agent has had for long, so that none can choose them; null once one has.
    """

    __tablename__ = "sweeps"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    owner: Mapped[str]
    request: Mapped[dict[str, Any]]
    repeated: Mapped[int]
    created_at: Mapped[float]
    cancelled_at: Mapped[float | None]
    max_seconds: Mapped[float | None]
    deadline: Mapped[float | None]
    stopped_at: Mapped[float | None]
    announced_at: Mapped[float | None] = mapped_column(index=True)
    asked: Mapped[int] = mapped_column(default=0, server_default="0")
    unasked: Mapped[int] = mapped_column(default=0, server_default="0", index=True)
    waiting_for: Mapped[str | None]

    __table_args__ = ({"sqlite_autoincrement": True},)


class ExperimentTag(Base):
    """One tag of one experiment, for the filter."""

    __tablename__ = "experiment_tags"

    tag: Mapped[str] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class SpecValue(Base):
    """One field of the spec of one experiment, for conditions. field: its number; value: as bytes that sort as the
    values do (`service.store.spec_values`).
    """

    __tablename__ = "spec_values"

    field: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )

    __table_args__ = (Index(None, "experiment_id", "field"), {"sqlite_with_rowid": False})


class Run(Base):
    """The training of one seed on one fold: the unit of work, claimed, leased, retried and finished by itself.

    An experiment with one split has the runs (0, 0, seed); a cross-validation has one for each repeat, fold and seed.
    `attempt` counts claims. `claim_token` is drawn anew by each of them, and fences writes: an agent with another
    token can change nothing. `heartbeat` counts the renewals since the claim, and `lease_seconds` is how long each of
    them lasts. `deaths` counts the attempts that ended without a final event; `forgiven_deaths` are those before the
    last progress, which do not count towards losing the run. `of_sweep`: the owner's other runs of this priority go
    first. `held`: a queued run that waits for its sweep to let it go on; nobody claims it. `until_epoch`: it stops
    there, and is held; null if it trains to its end. `waiting_for` is what holds it up, and
    `failed_starts` counts the workers that could not be started for it, since one could. `claimed_ahead`: its agent
    leases it, but no process has begun it. `epoch` is the last one stored. `training_seconds` is the duration of the
    stored epochs, `worked_seconds` that of all work, lost work included. `baselines` are those of its fold; with one
    split they are the experiment's.
    """

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    seed: Mapped[int] = mapped_column(BigInteger)
    repeat: Mapped[int] = mapped_column(default=0, server_default="0")
    fold: Mapped[int] = mapped_column(default=0, server_default="0")
    status: Mapped[str] = mapped_column(default="queued")
    priority: Mapped[int]
    owner: Mapped[str]
    of_sweep: Mapped[bool] = mapped_column(default=False, server_default=false())
    held: Mapped[bool] = mapped_column(default=False, server_default=false())
    until_epoch: Mapped[int | None]
    attempt: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)
    forgiven_deaths: Mapped[int] = mapped_column(default=0, server_default="0")
    agent: Mapped[str | None]
    claim_token: Mapped[str | None]
    heartbeat: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_seconds: Mapped[float | None]
    lease_until: Mapped[float | None]
    waiting_for: Mapped[str | None]
    failed_starts: Mapped[int] = mapped_column(default=0, server_default="0")
    claimed_ahead: Mapped[bool] = mapped_column(default=False, server_default=false())
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    cause: Mapped[str | None]
    message: Mapped[str | None]
    epochs: Mapped[int]
    epoch: Mapped[int] = mapped_column(default=0)
    best_epoch: Mapped[int | None]
    training_seconds: Mapped[float] = mapped_column(default=0.0)
    worked_seconds: Mapped[float] = mapped_column(default=0.0)
    baselines: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]

    __table_args__ = (
        UniqueConstraint("experiment_id", "repeat", "fold", "seed"),
        Index("ix_runs_claim", "status", "held", "priority", "owner", "of_sweep", "id"),
        Index("ix_runs_first", "status", "held", "priority", "of_sweep", "id"),
        Index(None, "finished_at"),
        {"sqlite_autoincrement": True},
    )


class RunAttempt(Base):
    """An attempt that trained: what computed it, and the attempt whose checkpoint it continues, after which epoch.

    `continues` is null if it started with the first epoch, or from a checkpoint of a version that did not record
    this. environment: the fields of `workers.environment.Environment`.
    """

    __tablename__ = "run_attempts"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    continues: Mapped[int | None]
    after_epoch: Mapped[int]
    environment: Mapped[dict[str, Any]]
    started_at: Mapped[float]


class MetricColumns:
    """A column for each metric, as they are declared in workers/evaluation/metrics."""


class MeanColumns:
    """A column for each metric that a summary has."""


class ClassMetricColumns:
    """A column for each metric of the classes, and of the bins of a regression: lists in their order."""


def _add_columns(
    mixin: type[Any],
    metrics: Iterable[Metric[Any, Any] | ClassMetric | BinMetric],
    type_: type[Any],
    *,
    nullable: bool = False,
) -> None:
    for each in metrics:
        column: Any = mapped_column(type_, nullable=nullable or not each.always_stored, sort_order=1)
        setattr(mixin, each.name, column)


_add_columns(MetricColumns, METRICS, Double)
_add_columns(MeanColumns, SUMMARISED, Double, nullable=True)
_add_columns(ClassMetricColumns, (*CLASS_METRICS, *BIN_METRICS), JSON)


class ExperimentMetrics(MeanColumns, Base):
    """The means of an experiment that has ended, for lists: over folds and seeds, at the selected epochs of its runs.

    A metric is null before the end, and if there is none. A list in the order of a metric is read from its index.
    """

    __tablename__ = "experiment_metrics"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )

    __table_args__ = tuple(Index(None, metric.name, "experiment_id") for metric in SUMMARISED)


class EpochMetrics(MetricColumns, Base):
    """The metrics on one part after one epoch of one run."""

    __tablename__ = "epoch_metrics"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    split: Mapped[str] = mapped_column(primary_key=True)
    rows: Mapped[int]
    learning_rate: Mapped[float | None] = mapped_column(sort_order=2)
    gradient_norm: Mapped[float | None] = mapped_column(sort_order=2)
    seconds: Mapped[float | None] = mapped_column(sort_order=2)
    recorded_at: Mapped[float] = mapped_column(sort_order=2)


class EpochClasses(ClassMetricColumns, Base):
    """The metrics of each class, lists in the order of the classes, and the confusion matrix: true classes in rows.

    Those of a regression are bins of its targets. It has no confusion matrix (an empty one), and a classification no
    errors of bins.

    `drawn` is how many examples of each class the epoch trained on; only the training part has it.
    """

    __tablename__ = "epoch_classes"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    split: Mapped[str] = mapped_column(primary_key=True)
    support: Mapped[list[Any]]
    drawn: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True), sort_order=2)
    confusion: Mapped[list[Any]] = mapped_column(sort_order=2)


class Checkpoint(Base):
    """What a run has computed, by its kind: the newest state (`newest`) of one that has not succeeded; the weights
    (`model`) and the predictions for each row (`row_results`) of the best epoch of one that has.

    The bytes are in `content` or, if they are many, in the artifact of the name `artifact`. attempt: which one took
    the newest state; null in those of versions that did not record this.
    """

    __tablename__ = "checkpoints"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    best_epoch: Mapped[int | None]
    sha256: Mapped[str]
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    artifact: Mapped[str | None] = mapped_column(index=True)
    attempt: Mapped[int | None]
    created_at: Mapped[float]


class Job(Base):
    """Work on the models of an experiment that is no training, claimed and leased by agents as runs are.

    An experiment has one job of a kind, and a new request takes its place. request: what was asked for. models: a
    hash of the models that were there. `attempt` counts claims, and `claim_token` is drawn anew by each of them: only
    its holder may write. `lease_seconds` is the length of its lease. `deaths` counts the attempts that ended without
    a word since the last stored step, `failed_starts` those without a process. done, total: of its steps. `result`
    is null until it has succeeded.
    """

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    kind: Mapped[str]
    owner: Mapped[str]
    request: Mapped[dict[str, Any]]
    models: Mapped[str]
    status: Mapped[str]
    attempt: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)
    failed_starts: Mapped[int] = mapped_column(default=0, server_default="0")
    claim_token: Mapped[str | None]
    lease_until: Mapped[float | None]
    lease_seconds: Mapped[float | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    cause: Mapped[str | None]
    message: Mapped[str | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]

    __table_args__ = (
        UniqueConstraint("experiment_id", "kind"),
        Index(None, "status", "failed_starts", "id"),
        Index(None, "owner", "started_at"),
        {"sqlite_autoincrement": True},
    )


class JobStep(Base):
    """What one step of a job has computed: the next attempt continues after it. Removed once the job succeeds."""

    __tablename__ = "job_steps"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Monitor(Base):
    """Batches that arrive over time, tested with one model of an experiment: the run with this repeat, fold and seed.

    products: the evidence of each detector after `batches` batches, as in `workers.shift.evidence`. first_alarm: the
    number of the batch that raised it; null before.
    """

    __tablename__ = "monitors"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    name: Mapped[str]
    owner: Mapped[str]
    repeat: Mapped[int]
    fold: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    alpha: Mapped[float]
    detectors: Mapped[list[Any]]
    products: Mapped[dict[str, Any]]
    batches: Mapped[int] = mapped_column(default=0)
    first_alarm: Mapped[int | None]
    alarmed_at: Mapped[float | None]
    last_batch_at: Mapped[float | None]
    created_at: Mapped[float]

    __table_args__ = (UniqueConstraint("experiment_id", "name"), {"sqlite_autoincrement": True})


class MonitorSample(Base):
    """Some of the rows that a monitor has seen, as they are stored: the next batch is compared with them."""

    __tablename__ = "monitor_samples"

    monitor_id: Mapped[int] = mapped_column(ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class MonitorBatch(Base):
    """A tested batch, the number-th of its monitor. It is never tested again.

    sha256: of its rows and labels. level: what `p_value`, against the validation rows, had to reach. evidence:
    against the rows before, after this batch. alarms: the comparisons that raised one. tests: of each detector.
    moved: the names of features. accuracy: measured; of a regression the mean absolute error. report: as of
    `POST /experiments/{id}/shift`.
    """

    __tablename__ = "monitor_batches"

    monitor_id: Mapped[int] = mapped_column(ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str | None]
    sha256: Mapped[str]
    owner: Mapped[str]
    rows: Mapped[int]
    level: Mapped[float]
    p_value: Mapped[float]
    evidence: Mapped[float]
    alarms: Mapped[list[Any]]
    tests: Mapped[list[Any]]
    moved: Mapped[list[Any]]
    features_moved: Mapped[int]
    accuracy: Mapped[float | None]
    report: Mapped[dict[str, Any]]
    received_at: Mapped[float]

    __table_args__ = (UniqueConstraint("monitor_id", "name"),)


class LedgerEntry(Base):
    """One look at a test set, in its ledger: written before the answer is computed, and never removed.

    The ids are numbered without gaps, so that of two entries at the same time one is refused. test_set: the hash of
    its rows. digests: 8 bytes for each row, by which it is found again in other test sets; null if a version before
    them wrote the entry. look: the number of this look among those that share a row with it. weights: the hash of the
    models that were evaluated. accepted, earlier_uses: what the request accepted, and which experiments had trained,
    validated or been tested on these rows before. `answer` is null until it is computed. `losses` (n,) float32 is,
    for each row, the share of the models that were wrong; a Ladder needs it, and no response contains it.
    """

    __tablename__ = "test_evaluations"

    id: Mapped[int] = mapped_column(primary_key=True)
    test_set: Mapped[str]
    digests: Mapped[bytes | None] = mapped_column(LargeBinary)
    look: Mapped[int]
    weights: Mapped[str]
    ladder: Mapped[bool]
    experiment_id: Mapped[int]
    spec_hash: Mapped[str]
    dataset: Mapped[str]
    source: Mapped[str]
    rows: Mapped[int]
    classes: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    majority_accuracy: Mapped[float | None]
    owner: Mapped[str]
    accepted: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    earlier_uses: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    answer: Mapped[dict[str, Any] | None]
    losses: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened_at: Mapped[float]

    __table_args__ = (
        UniqueConstraint("test_set", "look"),
        UniqueConstraint("test_set", "weights"),
        {"sqlite_autoincrement": True},
    )


class DatasetRows(Base):
    """The digests (n,) of the rows of a data set, uint64, little endian, in its order. They outlive the data set."""

    __tablename__ = "dataset_rows"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    digests: Mapped[bytes] = mapped_column(LargeBinary)


class ExposedPart(Base):
    """The rows of a data set that one split, with its imbalance, trains or validates on: a bit per row."""

    __tablename__ = "exposed_parts"

    key: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("dataset_rows.sha256"))
    bits: Mapped[bytes] = mapped_column(LargeBinary)


class Exposure(Base):
    """An experiment and the part that it exposes, once one of its runs has started. It outlives the experiment."""

    __tablename__ = "exposures"

    experiment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[str] = mapped_column(ForeignKey("exposed_parts.key"), index=True)
    dataset: Mapped[str]
    owner: Mapped[str]


class Token(Base):
    """A token and its scope. Of the token itself only the SHA-256 is stored.

    The row stays when the token is revoked: a service that ever had a token is never open again.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    scope: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[float]
    expires_at: Mapped[float | None]
    revoked_at: Mapped[float | None]


class Key(Base):
    """A key that all replicas of a service sign with. Its name is its purpose."""

    __tablename__ = "keys"

    name: Mapped[str] = mapped_column(primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float]


class Webhook(Base):
    """A URL that receives a message when an experiment or a sweep ends, or a monitor raises its alarm. `events`: what
    it is sent for: the final statuses of experiments, those of sweeps as `sweep.succeeded`, and `monitor.alarm`.

    The secret signs the messages; `service.store.sealing` seals it if there is a key. `failures` counts the failed
    attempts since the last success.
    """

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str]
    events: Mapped[list[Any]]
    secret: Mapped[str]
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[float]

    __table_args__ = ({"sqlite_autoincrement": True},)


class Delivery(Base):
    """One message for one webhook, about an experiment, a sweep or a monitor. It is written in the transaction that
    ended the experiment, or stored the alarm of the monitor.

    Every attempt sends the same `content`, byte for byte. `due_at` is null once it was delivered or given up.
    """

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    experiment_id: Mapped[int | None]
    sweep_id: Mapped[int | None]
    monitor_id: Mapped[int | None]
    event: Mapped[str]
    content: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[float | None] = mapped_column(index=True)
    created_at: Mapped[float]
    delivered_at: Mapped[float | None]
    answer: Mapped[str | None]

    __table_args__ = (Index(None, "webhook_id", "due_at"), {"sqlite_autoincrement": True})


class IdempotencyKey(Base):
    """The experiment or the sweep that a request with this key made, so that the same request makes no second one.

    Both ids are null only within the transaction that makes it. Rows are deleted after a day.
    """

    __tablename__ = "idempotency_keys"

    owner: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    experiment_id: Mapped[int | None] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), index=True
    )
    sweep_id: Mapped[int | None]
    created_at: Mapped[float] = mapped_column(index=True)
