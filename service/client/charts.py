"""A chart that the service has drawn."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Chart:
    """A chart as SVG. Jupyter shows it."""

    svg: str

    def save(self, path: str | Path) -> Path:
        """Write it to a file, and return its path."""
        Path(path).write_text(self.svg)
        return Path(path)

    def __repr__(self) -> str:
        return f"Chart of {len(self.svg):,} characters"

    def _repr_svg_(self) -> str:
        return self.svg
