"""runs that are claimed ahead of a free process"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("claimed_ahead", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    # In place: a copied table would take its epochs with it when it is dropped.
    op.execute("ALTER TABLE runs DROP COLUMN claimed_ahead")
