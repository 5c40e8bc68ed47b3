import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config

from service.store import migrations
from service.store.tables import Base
from tools import make_migration


@pytest.fixture
def copied(tmp_path: Path) -> Config:
    """The configuration of a copy of the migrations, where new ones are written."""
    there = Path(migrations.__file__).parent
    shutil.copytree(there, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    configuration = Config()
    configuration.set_main_option("script_location", str(tmp_path / "migrations"))
    return configuration


def versions(configuration: Config) -> set[Path]:
    return set(Path(str(configuration.get_main_option("script_location"))).glob("versions/*.py"))


def test_a_new_column_becomes_a_migration(copied: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = sa.MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(metadata)
    metadata.tables["runs"].append_column(sa.Column("colour", sa.String()))
    monkeypatch.setattr(Base, "metadata", metadata)
    before = versions(copied)

    assert make_migration.main("A colour", copied) is None

    (written,) = versions(copied) - before
    assert written.name == f"{len(before) + 1:04}_a_colour.py"
    assert "add_column(sa.Column('colour', sa.String()" in written.read_text()


def test_a_migration_needs_a_message(copied: Config) -> None:
    before = versions(copied)
    assert make_migration.main(" ", copied) is not None
    assert versions(copied) == before
