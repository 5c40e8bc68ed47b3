"""how often a job could not be started"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("failed_starts", sa.Integer, nullable=False, server_default="0"))
    op.drop_index(op.f("ix_jobs_status_id"), "jobs")
    op.create_index(op.f("ix_jobs_status_failed_starts_id"), "jobs", ["status", "failed_starts", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_jobs_status_failed_starts_id"), "jobs")
    op.create_index(op.f("ix_jobs_status_id"), "jobs", ["status", "id"])
    # In place: a copied table would take its steps with it when it is dropped.
    op.execute("ALTER TABLE jobs DROP COLUMN failed_starts")
