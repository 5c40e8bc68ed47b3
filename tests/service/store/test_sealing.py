"""Sealed secrets: a copy of the database does not reveal them, and another key does not open them."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from service.settings import Settings, UnusableSetting
from service.store.database import Database
from service.store.sealing import KEY_FILE, SealingKey, WrongSealingKey, sealing_key
from service.store.tables import Webhook
from service.store.webhooks import webhooks

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def key(tmp_path: Path) -> SealingKey:
    return SealingKey(tmp_path / "folder" / KEY_FILE, is_own=True)


def test_a_sealed_text_opens_with_its_key_alone(key: SealingKey, tmp_path: Path) -> None:
    sealed = key.seal(SECRET)
    assert SECRET not in sealed
    assert key.open(sealed) == key.open(SECRET) == SECRET
    assert key.seal(SECRET) != sealed
    other = SealingKey(tmp_path / "other", is_own=True)
    other.seal("x")
    for wrong in (other, SealingKey(), SealingKey(tmp_path / "missing")):
        with pytest.raises(WrongSealingKey):
            wrong.open(sealed)


def test_the_first_text_creates_an_own_key_which_others_cannot_read(key: SealingKey) -> None:
    assert key.file is not None
    key.seal(SECRET)
    content = key.file.read_text()
    assert len(bytes.fromhex(content)) == 32
    assert stat.S_IMODE(key.file.stat().st_mode) == 0o600
    assert [path.name for path in key.file.parent.iterdir()] == [KEY_FILE]
    key.seal(SECRET)
    assert key.file.read_text() == content


@given(text=st.text(max_size=200), position=st.integers(0, 10_000), bit=st.integers(0, 5))
def test_any_text_comes_back_and_a_changed_one_does_not_open(
    tmp_path_factory: pytest.TempPathFactory, text: str, position: int, bit: int
) -> None:
    key = SealingKey(tmp_path_factory.getbasetemp() / "property.key", is_own=True)
    sealed = key.seal(text)
    assert key.open(sealed) == text
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    place = len("sealed:") + position % len(sealed.removeprefix("sealed:").rstrip("=")[:-1])
    changed = alphabet[alphabet.index(sealed[place]) ^ (1 << bit)]
    with pytest.raises(WrongSealingKey):
        key.open(sealed[:place] + changed + sealed[place + 1 :])


def test_which_key_a_service_has(tmp_path: Path) -> None:
    own = sealing_key(Settings(data_dir=tmp_path))
    assert (own.file, own.is_own) == (tmp_path / KEY_FILE, True)
    postgresql = Settings(data_dir=tmp_path, database_url="postgresql://127.0.0.1/holdout")
    assert sealing_key(postgresql).file is None
    named = tmp_path / "named"
    for content, says in ((None, "No such file"), ("short", "no key of 32 bytes")):
        if content is not None:
            named.write_text(content)
        with pytest.raises(UnusableSetting, match=says):
            sealing_key(postgresql.model_copy(update={"secret_key_file": named}))
    named.write_text("0" * 64)
    assert sealing_key(postgresql.model_copy(update={"secret_key_file": named})).file == named


def test_secrets_in_plain_text_are_sealed_at_the_next_start(database_url: str, key: SealingKey) -> None:
    database = Database(database_url)
    with database.write() as connection:
        plain = webhooks.create(connection, "http://127.0.0.1:1/", ["failed"])
        sealed = webhooks.create(connection, "http://127.0.0.1:1/", ["failed"], key)
    webhooks.seal_all(database, SealingKey())
    assert _secrets(database) == [plain.secret, sealed.secret]
    webhooks.seal_all(database, key)
    first, second = _secrets(database)
    assert second == sealed.secret
    assert first.startswith("sealed:")
    assert key.open(first) == plain.secret
    webhooks.seal_all(database, key)
    assert _secrets(database) == [first, second]
    if database.is_sqlite:
        database.close()
        files = Path(database.url.database or "").parent.glob("holdout.db*")
        content = b"".join(path.read_bytes() for path in files if path.name != "holdout.db-wal")
        assert plain.secret.encode() not in content
    database.close()


def _secrets(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(Webhook.secret).order_by(Webhook.id)))


def test_a_message_whose_secret_cannot_be_opened_is_not_sent(database_url: str, key: SealingKey) -> None:
    from service.store.webhooks.outbox import DueDelivery
    from service.webhooks.dispatcher import WebhookDispatcher

    database = Database(database_url)
    due = DueDelivery(1, 1, "http://127.0.0.1:1/", key.seal(SECRET), "{}")
    outcome = WebhookDispatcher(database, private=True)._post(due)
    database.close()
    assert outcome == ("its secret was sealed with another key than that of this service", False)
