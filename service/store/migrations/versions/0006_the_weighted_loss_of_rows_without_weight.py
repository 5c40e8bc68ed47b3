"""the weighted loss of rows without weight is null"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("epoch_metrics", schema=None) as batch_op:
        batch_op.alter_column("weighted_loss", existing_type=sa.Double(), nullable=True)


def downgrade() -> None:
    op.execute("UPDATE epoch_metrics SET weighted_loss = loss WHERE weighted_loss IS NULL")
    with op.batch_alter_table("epoch_metrics", schema=None) as batch_op:
        batch_op.alter_column("weighted_loss", existing_type=sa.Double(), nullable=False)
