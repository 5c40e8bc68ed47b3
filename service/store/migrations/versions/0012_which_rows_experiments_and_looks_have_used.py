"""which rows experiments and looks have used"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OF_A_LOOK: dict[str, Any] = {
    "digests": sa.LargeBinary(),
    "classes": sa.JSON(none_as_null=True),
    "majority_accuracy": sa.Double(),
    "accepted": sa.JSON(none_as_null=True),
    "earlier_uses": sa.JSON(none_as_null=True),
}


def upgrade() -> None:
    op.create_table(
        "dataset_rows",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_dataset_rows")),
    )
    op.create_table(
        "exposed_parts",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["dataset_rows.sha256"], name=op.f("fk_exposed_parts_sha256_dataset_rows")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_exposed_parts")),
    )
    op.create_table(
        "exposures",
        sa.Column("experiment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["part"], ["exposed_parts.key"], name=op.f("fk_exposures_part_exposed_parts")
        ),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_exposures")),
    )
    op.create_index(op.f("ix_exposures_part"), "exposures", ["part"])
    for name, type_ in OF_A_LOOK.items():
        op.add_column("test_evaluations", sa.Column(name, type_, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("test_evaluations", schema=None) as batch_op:
        for name in reversed(OF_A_LOOK):
            batch_op.drop_column(name)
    op.drop_index(op.f("ix_exposures_part"), table_name="exposures")
    op.drop_table("exposures")
    op.drop_table("exposed_parts")
    op.drop_table("dataset_rows")
