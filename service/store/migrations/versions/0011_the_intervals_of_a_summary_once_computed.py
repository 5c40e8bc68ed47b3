"""the intervals of a summary, once computed"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiments", sa.Column("intervals", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    # In place: a copied table would take its runs with it when it is dropped.
    op.execute("ALTER TABLE experiments DROP COLUMN intervals")
