"""sweeps, and how their runs wait: behind single experiments, and held until the sweep lets them go on"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CLAIM = "ix_runs_claim"


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("cancelled_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
        sqlite_autoincrement=True,
    )
    op.add_column("experiments", sa.Column("sweep_id", sa.Integer(), nullable=True))
    op.add_column("experiments", sa.Column("candidate", sa.Integer(), nullable=True))
    op.add_column("experiments", sa.Column("swept", sa.JSON(none_as_null=True), nullable=True))
    op.create_index(op.f("ix_experiments_sweep_id_candidate"), "experiments", ["sweep_id", "candidate"])
    op.add_column("idempotency_keys", sa.Column("sweep_id", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("of_sweep", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("until_epoch", sa.Integer(), nullable=True))
    op.drop_index(CLAIM, table_name="runs")
    op.create_index(CLAIM, "runs", ["status", "held", "priority", "owner", "of_sweep", "id"])


def downgrade() -> None:
    """Candidates become single experiments. Columns go in place: a copied table would lose its epochs."""
    op.drop_index(CLAIM, table_name="runs")
    op.create_index(CLAIM, "runs", ["status", "priority", "owner", "id"])
    op.drop_index(op.f("ix_experiments_sweep_id_candidate"), table_name="experiments")
    for table, columns in DROPPED.items():
        for name in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
    op.execute("DELETE FROM idempotency_keys WHERE experiment_id IS NULL")
    op.drop_table("sweeps")


DROPPED = {
    "runs": ("of_sweep", "held", "until_epoch"),
    "experiments": ("sweep_id", "candidate", "swept"),
    "idempotency_keys": ("sweep_id",),
}
