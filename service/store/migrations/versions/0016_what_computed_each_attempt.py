"""what computed each attempt of a run"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_attempts",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("continues", sa.Integer, nullable=True),
        sa.Column("after_epoch", sa.Integer, nullable=False),
        sa.Column("environment", sa.JSON, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_run_attempts_run_id_runs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "attempt", name="pk_run_attempts"),
    )
    op.add_column("checkpoints", sa.Column("attempt", sa.Integer, nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE checkpoints DROP COLUMN attempt")
    op.drop_table("run_attempts")
