"""which webhooks fail, and the oldest message that is due for each"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.drop_index(op.f("ix_deliveries_webhook_id"), table_name="deliveries")
    op.create_index(
        op.f("ix_deliveries_webhook_id_due_at"), "deliveries", ["webhook_id", "due_at"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_deliveries_webhook_id_due_at"), table_name="deliveries")
    op.create_index(op.f("ix_deliveries_webhook_id"), "deliveries", ["webhook_id"], unique=False)
    # In place: a copied table would take the messages of its webhooks with it when it is dropped.
    op.execute("ALTER TABLE webhooks DROP COLUMN failures")
