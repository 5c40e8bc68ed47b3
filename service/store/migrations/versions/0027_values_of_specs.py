"""the fields of specs, for conditions on lists; the package that a sweep waits for"""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

BATCH = 1000
DEEPEST = 5


def upgrade() -> None:
    op.create_table(
        "spec_values",
        sa.Column("field", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_spec_values_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("field", "value", "experiment_id", name=op.f("pk_spec_values")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_spec_values_experiment_id_field"), "spec_values", ["experiment_id", "field"])
    _fill()
    op.add_column("sweeps", sa.Column("waiting_for", sa.String(), nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE sweeps DROP COLUMN waiting_for")
    op.drop_table("spec_values")


def _fill() -> None:
    connection = op.get_bind()
    values: Any = sa.table("spec_values", *map(sa.column, ("field", "value", "experiment_id")))
    experiments = sa.table("experiments", sa.column("id"), sa.column("spec", sa.JSON()))
    last = 0
    while True:
        chosen = sa.select(experiments).where(experiments.c.id > last).order_by(experiments.c.id)
        batch = connection.execute(chosen.limit(BATCH)).all()
        if not batch:
            return
        rows = [
            {"field": field, "value": value, "experiment_id": each.id}
            for each in batch
            if isinstance(each.spec, dict)
            for field, value in dict(_fields(each.spec, "", DEEPEST)).items()
        ]
        if rows:
            connection.execute(sa.insert(values), rows)
        last = batch[-1].id


def _fields(spec: dict[str, Any], above: str, depth: int) -> Iterator[tuple[int, bytes]]:
    for name, value in spec.items():
        path = above + name
        if isinstance(value, dict):
            if depth > 1:
                yield from _fields(value, f"{path}.", depth - 1)
        elif value is not None:
            yield struct.unpack(">i", zlib.crc32(path.encode()).to_bytes(4, "big"))[0], _as_bytes(value)


def _as_bytes(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"b1" if value else b"b0"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**53):
        (bits,) = struct.unpack(">Q", struct.pack(">d", float(value) + 0.0))
        return b"n" + struct.pack(">Q", bits ^ (2**64 - 1 if bits >> 63 else 2**63))
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    encoded = text.encode(errors="surrogatepass")
    return b"s" + (encoded if len(encoded) <= 200 else hashlib.sha256(encoded).digest())
