"""a ledger of the looks at each test set"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "test_evaluations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("test_set", sa.String(), nullable=False),
        sa.Column("look", sa.Integer(), nullable=False),
        sa.Column("weights", sa.String(), nullable=False),
        sa.Column("ladder", sa.Boolean(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("spec_hash", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("losses", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_evaluations")),
        sa.UniqueConstraint("test_set", "look", name=op.f("uq_test_evaluations_test_set_look")),
        sa.UniqueConstraint("test_set", "weights", name=op.f("uq_test_evaluations_test_set_weights")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("test_evaluations")
