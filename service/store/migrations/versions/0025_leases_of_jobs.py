"""the length of a job's lease"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("lease_seconds", sa.Double, nullable=True))


def downgrade() -> None:
    # In place: a copied table would take its steps with it when it is dropped.
    op.execute("ALTER TABLE jobs DROP COLUMN lease_seconds")
