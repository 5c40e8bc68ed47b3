"""The removal of an uploaded data set, unless experiments need it."""

from service.store import experiment_reader
from service.store.database import Database
from service.store.errors import DatasetInUse
from workers.data.registry import DatasetRegistry


def remove(name: str, library: DatasetRegistry, database: Database) -> None:
    """Delete all versions of an upload. Raises UnknownDataset, NotUploaded, or DatasetInUse.

    An experiment that is submitted while this runs may find its data gone: it then fails as `dataset_missing`.
    """
    hashes = library.uploaded_hashes(name)
    with database.read() as connection:
        users = experiment_reader.experiments_on(connection, hashes)
    needing = [row.id for row in users if row.dataset == name]
    if needing:
        raise DatasetInUse(name, needing)
    library.remove(name, in_use={row.sha256 for row in users})
