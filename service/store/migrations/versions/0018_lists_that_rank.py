"""lists that rank: the metrics of experiments that have ended, notes, and how often an experiment was edited"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KEYS = ("name", "created_at", "finished_at")
METRICS = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "mcc",
    "cohen_kappa",
    "g_mean",
    "auroc",
    "average_precision",
    "top_3_accuracy",
    "top_5_accuracy",
    "loss",
    "nll",
    "brier",
    "ece",
    "rmse",
    "mse",
    "mae",
    "median_absolute_error",
    "r2",
    "pinball",
)


def upgrade() -> None:
    op.add_column("experiments", sa.Column("note", sa.String(), server_default="", nullable=False))
    op.add_column("experiments", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    for name in KEYS:
        op.create_index(op.f(f"ix_experiments_{name}_id"), "experiments", [name, "id"])
    op.create_table(
        "experiment_metrics",
        sa.Column("experiment_id", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in METRICS),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_experiment_metrics_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_experiment_metrics")),
    )
    op.execute(_means())
    for name in METRICS:
        op.create_index(
            op.f(f"ix_experiment_metrics_{name}_experiment_id"), "experiment_metrics", [name, "experiment_id"]
        )


def downgrade() -> None:
    """Columns go in place: a copied table would lose what refers to it."""
    op.drop_table("experiment_metrics")
    for name in KEYS:
        op.drop_index(op.f(f"ix_experiments_{name}_id"), table_name="experiments")
    for name in ("note", "revision"):
        op.execute(f"ALTER TABLE experiments DROP COLUMN {name}")


def _means() -> str:
    """The statement that fills the table: means over folds of means over seeds, of experiments that have ended."""
    of_folds = "EXISTS (SELECT 1 FROM runs o WHERE o.experiment_id = e.id AND (o.fold > 0 OR o.repeat > 0))"
    columns = ", ".join(METRICS)
    per_fold = ", ".join(f"avg(m.{name}) AS {name}" for name in METRICS)
    per_experiment = ", ".join(f"avg(f.{name})" for name in METRICS)
    folds = (
        f"SELECT e.id, {per_fold} FROM experiments e JOIN runs r ON r.experiment_id = e.id "  # noqa: S608
        "JOIN epoch_metrics m ON m.run_id = r.id AND m.epoch = r.best_epoch "
        "WHERE e.status IN ('succeeded', 'failed', 'cancelled') AND r.status <> 'failed' "
        f"AND m.split = CASE WHEN {of_folds} THEN 'evaluation' ELSE 'validation' END "
        "GROUP BY e.id, r.repeat, r.fold"
    )
    return (
        f"INSERT INTO experiment_metrics (experiment_id, {columns}) "  # noqa: S608
        f"SELECT x.id, {per_experiment} FROM experiments x LEFT JOIN ({folds}) f ON f.id = x.id GROUP BY x.id"
    )
