"""Checkpoints and models of runs: named arrays and a JSON state in one safetensors file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workers import array_bytes
from workers.nn.arrays import Array


class CorruptCheckpoint(ValueError):
    """The bytes are not a checkpoint of this project."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a run after `epoch` complete epochs, and perhaps some steps of the next one; or its model.

    arrays: by name, among them `parameters` (P,). state: everything else, in types that JSON has.
    """

    epoch: int
    arrays: Mapping[str, Array]
    state: Mapping[str, Any] = field(default_factory=dict)

    def group(self, name: str) -> dict[str, Array]:
        """The arrays under `name.`, without that prefix."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): a for key, a in self.arrays.items() if key.startswith(prefix)}

    def to_bytes(self) -> bytes:
        """Write a safetensors file, with epoch and state as its metadata."""
        metadata = json.dumps({"epoch": self.epoch, "state": self.state}, sort_keys=True)
        return array_bytes.to_bytes(self.arrays, {"holdout": metadata})

    @classmethod
    def from_bytes(cls, content: bytes) -> "Checkpoint":
        """Read the result of `to_bytes`. Raises CorruptCheckpoint."""
        try:
            size = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + size])
            metadata = json.loads(header["__metadata__"]["holdout"])
            return cls(metadata["epoch"], array_bytes.from_bytes(content), metadata["state"])
        except Exception as error:
            raise CorruptCheckpoint(f"not a checkpoint: {type(error).__name__}") from error


def with_prefix(name: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays with `name.` before each name: `Checkpoint.group` reverses it."""
    return {f"{name}.{key}": array for key, array in arrays.items()}
