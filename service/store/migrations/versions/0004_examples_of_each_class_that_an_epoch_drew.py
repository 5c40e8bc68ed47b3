"""examples of each class that an epoch drew"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("epoch_classes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("drawn", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("epoch_classes", schema=None) as batch_op:
        batch_op.drop_column("drawn")
