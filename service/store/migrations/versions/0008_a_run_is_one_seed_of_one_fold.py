"""a run is one seed of one fold: its key within its experiment gains repeat and fold

SQLite changes no constraint in place: the table is copied. Its ids go on from the largest that was ever given.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OLD, NEW = "uq_runs_experiment_id_seed", "uq_runs_experiment_id_repeat_fold_seed"


def upgrade() -> None:
    largest = _largest_id()
    with op.batch_alter_table("runs", table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        batch_op.add_column(sa.Column("repeat", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("fold", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("baselines", sa.JSON(none_as_null=True), nullable=True))
        batch_op.drop_constraint(batch_op.f(OLD), type_="unique")
        batch_op.create_unique_constraint(batch_op.f(NEW), ["experiment_id", "repeat", "fold", "seed"])
    _continue_after(largest)


def downgrade() -> None:
    largest = _largest_id()
    op.execute("DELETE FROM runs WHERE repeat > 0 OR fold > 0")
    with op.batch_alter_table("runs", table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        batch_op.drop_constraint(batch_op.f(NEW), type_="unique")
        batch_op.create_unique_constraint(batch_op.f(OLD), ["experiment_id", "seed"])
        batch_op.drop_column("baselines")
        batch_op.drop_column("fold")
        batch_op.drop_column("repeat")
    _continue_after(largest)


def _largest_id() -> int | None:
    """The largest id that SQLite has given to a run; None elsewhere, or if it has given none."""
    if op.get_bind().dialect.name != "sqlite":
        return None
    found = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'runs'")
    return op.get_bind().execute(found).scalar_one_or_none()


def _continue_after(largest: int | None) -> None:
    if largest is not None:
        bind = op.get_bind()
        bind.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'runs'"))
        bind.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('runs', :largest)"), {"largest": largest}
        )
