"""Seals the secrets that the database stores, so that a copy of the database alone does not reveal them.

A text is combined with a key stream that is used once: HMAC-SHA256 of the sealing key, a random salt and a counter. A
second HMAC authenticates the result (encrypt, then MAC). The sealing key is in a file, never in the database.
"""

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from service.settings import Settings, UnusableSetting

KEY_FILE = "secret.key"
KEY_BYTES = 32
SALT_BYTES = 16
BLOCK_BYTES = hashlib.sha256().digest_size
SEALED = "sealed:"


class WrongSealingKey(Exception):
    """A secret was sealed with a key that this process does not have."""

    def __init__(self) -> None:
        super().__init__("its secret was sealed with another key than that of this service")


@dataclass(frozen=True)
class SealingKey:
    """Seals and opens texts with the key in `file`. Without a file, they stay as they are.

    is_own: whether the first text creates the file if it is missing.
    """

    file: Path | None = None
    is_own: bool = False

    def seal(self, text: str) -> str:
        """The form in which a text is stored."""
        if self.file is None:
            return text
        if self.is_own and not self.file.exists():
            _create(self.file)
        key, salt = _read(self.file), secrets.token_bytes(SALT_BYTES)
        sealed = salt + _combined(text.encode(), key, salt)
        return SEALED + base64.b64encode(sealed + _mac(key, b"tag", sealed)).decode()

    def open(self, stored: str) -> str:
        """The text, stored sealed or not. Raises WrongSealingKey."""
        if not stored.startswith(SEALED):
            return stored
        if self.file is None or not self.file.exists():
            raise WrongSealingKey
        key, content = _read(self.file), base64.b64decode(stored.removeprefix(SEALED))
        sealed, tag = content[:-BLOCK_BYTES], content[-BLOCK_BYTES:]
        if not hmac.compare_digest(tag, _mac(key, b"tag", sealed)):
            raise WrongSealingKey
        return _combined(sealed[SALT_BYTES:], key, sealed[:SALT_BYTES]).decode()


def sealing_key(settings: Settings) -> SealingKey:
    """The key in the file that the settings name; else, on SQLite, an own one in the data folder.

    Replicas on PostgreSQL seal nothing unless the settings name a file: each would create a key of its own.
    Raises UnusableSetting.
    """
    if (file := settings.secret_key_file) is not None:
        try:
            _read(file)
        except OSError as error:
            raise UnusableSetting(f"HOLDOUT_SECRET_KEY_FILE, {file}: {error.strerror}") from None
        return SealingKey(file)
    if settings.url.startswith("sqlite"):
        return SealingKey(settings.data_dir / KEY_FILE, is_own=True)
    return SealingKey()


def _read(file: Path) -> bytes:
    content = file.read_bytes().strip()
    if len(content) < KEY_BYTES:
        raise UnusableSetting(
            f"{file} has no key of {KEY_BYTES} bytes or more: openssl rand -hex 32 writes one"
        )
    return content


def _create(file: Path) -> None:
    """Write a new key, completely or not at all. Of several processes, the first wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_hex(KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            file.hardlink_to(draft)
    finally:
        draft.unlink()


def _combined(content: bytes, key: bytes, salt: bytes) -> bytes:
    """The content with a key stream added to it; the same again takes it away."""
    blocks = range(-(-len(content) // BLOCK_BYTES))
    stream = b"".join(_mac(key, b"stream", salt + number.to_bytes(4)) for number in blocks)
    return bytes(a ^ b for a, b in zip(content, stream, strict=False))


def _mac(key: bytes, purpose: bytes, content: bytes) -> bytes:
    return hmac.new(key, b"holdout webhook " + purpose + b":" + content, hashlib.sha256).digest()
