"""The endpoints of data sets and of the catalogue, each as a method that returns decoded JSON."""

from typing import Any, BinaryIO

from service.client.connection import Connection


class DatasetEndpoints(Connection):
    """What programs need of /datasets and /catalog."""

    def datasets(self) -> list[dict[str, Any]]:
        """The data sets that a spec can name."""
        items: list[dict[str, Any]] = self._json("GET", "/datasets")["items"]
        return items

    def dataset(self, name: str) -> dict[str, Any]:
        """A data set, with its versions and columns."""
        dataset: dict[str, Any] = self._json("GET", f"/datasets/{name}")
        return dataset

    def upload(self, file: BinaryIO, fields: dict[str, str]) -> dict[str, Any]:
        """Upload a data set. fields: those of the form, such as `name` and `format`."""
        return self._form("/datasets", file, fields)

    def inspect(self, file: BinaryIO, fields: dict[str, str]) -> dict[str, Any]:
        """How the upload of a file would be taken; nothing is stored."""
        return self._form("/datasets/inspect", file, fields)

    def preview(self, name: str) -> bytes:
        """Some images of each class as PNG."""
        return self._bytes(f"/datasets/{name}/preview.png")

    def delete_dataset(self, name: str) -> None:
        """Delete an uploaded data set."""
        self._json("DELETE", f"/datasets/{name}")

    def catalog(self) -> dict[str, Any]:
        """Every loss, optimizer, balancing and so on that a spec can name."""
        catalog: dict[str, Any] = self._json("GET", "/catalog")
        return catalog
