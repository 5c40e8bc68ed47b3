"""what a run waits for, and how often it could not be started"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("waiting_for", sa.String, nullable=True))
    op.add_column("runs", sa.Column("failed_starts", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    # In place: a copied table would take its epochs with it when it is dropped.
    for name in ("waiting_for", "failed_starts"):
        op.execute(f"ALTER TABLE runs DROP COLUMN {name}")
