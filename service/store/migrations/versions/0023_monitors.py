"""monitors, their batches, and messages about their alarms"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("name", "owner")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("repeat", "fold")),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("alpha", sa.Double(), nullable=False),
        sa.Column("detectors", sa.JSON(), nullable=False),
        sa.Column("products", sa.JSON(), nullable=False),
        sa.Column("batches", sa.Integer(), nullable=False),
        sa.Column("first_alarm", sa.Integer(), nullable=True),
        sa.Column("alarmed_at", sa.Double(), nullable=True),
        sa.Column("last_batch_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_monitors_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitors")),
        sa.UniqueConstraint("experiment_id", "name", name=op.f("uq_monitors_experiment_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "monitor_samples",
        sa.Column("monitor_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["monitor_id"],
            ["monitors.id"],
            name=op.f("fk_monitor_samples_monitor_id_monitors"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("monitor_id", name=op.f("pk_monitor_samples")),
    )
    op.create_table(
        "monitor_batches",
        sa.Column("monitor_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("sha256", "owner")),
        sa.Column("rows", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("level", "p_value", "evidence")),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("alarms", "tests", "moved")),
        sa.Column("features_moved", sa.Integer(), nullable=False),
        sa.Column("accuracy", sa.Double(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["monitor_id"],
            ["monitors.id"],
            name=op.f("fk_monitor_batches_monitor_id_monitors"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("monitor_id", "number", name=op.f("pk_monitor_batches")),
        sa.UniqueConstraint("monitor_id", "name", name=op.f("uq_monitor_batches_monitor_id_name")),
    )
    op.add_column("deliveries", sa.Column("monitor_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE monitor_id IS NOT NULL")
    op.execute("ALTER TABLE deliveries DROP COLUMN monitor_id")
    for table in ("monitor_batches", "monitor_samples", "monitors"):
        op.drop_table(table)
