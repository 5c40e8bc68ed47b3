"""candidates of a sweep that are chosen by the results of earlier ones, each number once"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

NUMBER = "ix_experiments_sweep_id_candidate"


def upgrade() -> None:
    op.add_column("experiments", sa.Column("drawn", sa.JSON(), nullable=True))
    for name in ("asked", "unasked"):
        op.add_column("sweeps", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE sweeps SET asked = "
        "(SELECT coalesce(max(candidate) + 1, 0) FROM experiments e WHERE e.sweep_id = sweeps.id)"
    )
    op.create_index(op.f("ix_sweeps_unasked"), "sweeps", ["unasked"])
    op.drop_index(NUMBER, table_name="experiments")
    op.create_index(NUMBER, "experiments", ["sweep_id", "candidate"], unique=True)


def downgrade() -> None:
    op.drop_index(NUMBER, table_name="experiments")
    op.create_index(NUMBER, "experiments", ["sweep_id", "candidate"])
    op.drop_index(op.f("ix_sweeps_unasked"), table_name="sweeps")
    for table, name in (("sweeps", "unasked"), ("sweeps", "asked"), ("experiments", "drawn")):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
