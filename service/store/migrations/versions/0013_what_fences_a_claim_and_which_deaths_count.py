"""what fences a claim, and which deaths count"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMNS = ("forgiven_deaths", "claim_token", "heartbeat", "lease_seconds")


def upgrade() -> None:
    op.add_column("runs", sa.Column("forgiven_deaths", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("claim_token", sa.String, nullable=True))
    op.add_column("runs", sa.Column("heartbeat", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("lease_seconds", sa.Double, nullable=True))


def downgrade() -> None:
    # In place: a copied table would take its epochs with it when it is dropped.
    for name in COLUMNS:
        op.execute(f"ALTER TABLE runs DROP COLUMN {name}")
