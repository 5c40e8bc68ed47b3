"""Metrics and errors of regressions, whose epochs have no accuracy."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OF_CLASSES = ("accuracy", "balanced_accuracy", "macro_f1", "mcc")
OF_NUMBERS = ("rmse", "mse", "mae", "median_absolute_error", "r2", "pinball")
OF_BINS = ("mae", "rmse", "bias")


def upgrade() -> None:
    with op.batch_alter_table("epoch_classes", schema=None) as batch_op:
        for name in OF_BINS:
            batch_op.add_column(sa.Column(name, sa.JSON(), nullable=True))

    with op.batch_alter_table("epoch_metrics", schema=None) as batch_op:
        for name in OF_NUMBERS:
            batch_op.add_column(sa.Column(name, sa.Double(), nullable=True))
        for name in OF_CLASSES:
            batch_op.alter_column(name, existing_type=sa.Double(), nullable=True)


def downgrade() -> None:
    """The epochs of regressions are lost: the tables of before cannot hold them."""
    op.execute("DELETE FROM epoch_metrics WHERE accuracy IS NULL")
    with op.batch_alter_table("epoch_metrics", schema=None) as batch_op:
        for name in OF_CLASSES:
            batch_op.alter_column(name, existing_type=sa.Double(), nullable=False)
        for name in OF_NUMBERS:
            batch_op.drop_column(name)

    with op.batch_alter_table("epoch_classes", schema=None) as batch_op:
        for name in OF_BINS:
            batch_op.drop_column(name)
