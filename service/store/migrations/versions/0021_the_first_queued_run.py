"""the first queued run of any owner comes from an index"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_runs_first", "runs", ["status", "held", "priority", "of_sweep", "id"])


def downgrade() -> None:
    op.drop_index("ix_runs_first", "runs")
