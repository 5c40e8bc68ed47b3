"""Object stores on loopback, S3 (moto, s3rver) and Azure (azurite), behind a gate that can refuse or hang."""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

CHUNK_BYTES = 65_536
PROGRAMS = Path(__file__).parents[1] / ".venv" / "stores" / "node_modules" / ".bin"
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Published with azurite: every installation has this account."""
S3RVER_KEY = "S3RVER"
"""The only one that s3rver knows, in both of its places."""


class Gate:
    """Forwards connections to a port of this machine, from a port of its own."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._open = threading.Event()
        self._open.set()
        self._pairs: set[socket.socket] = set()
        self._listening: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def refuse(self) -> None:
        """Break all connections, and refuse new ones."""
        self.close()

    def hang(self) -> None:
        """Break all connections, and answer nothing on new ones."""
        self._open.clear()
        self._break()

    def open(self) -> None:
        """Forward again."""
        self._open.set()
        self._break()  # what hangs has waited long enough
        if self._listening is None:
            self._listening = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        if self._listening is not None:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None
        self._break()

    def _break(self) -> None:
        for each in list(self._pairs):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                ours, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(ours,), daemon=True).start()

    def _serve(self, ours: socket.socket) -> None:
        """Forward one connection in both directions until one side ends it, or the gate breaks it."""
        with ours, socket.create_connection(("127.0.0.1", self.target)) as theirs:
            pair = {ours, theirs}
            self._pairs |= pair
            back = threading.Thread(target=self._forward, args=(theirs, ours), daemon=True)
            back.start()
            self._forward(ours, theirs)
            back.join()
            self._pairs -= pair

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                if self._open.is_set():  # else it is lost
                    sink.sendall(chunk)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@dataclass
class ObjectStore:
    """A running store. environment: how a client finds it behind the gate. key: the right one; None if any is."""

    url: str
    gate: Gate
    environment: dict[str, str] = field(default_factory=dict)
    key: str | None = None

    def with_wrong_key(self) -> dict[str, str]:
        """The environment with a key that the store does not know."""
        assert self.key is not None
        wrong = "A" * 86 + "=="
        return {name: value.replace(self.key, wrong) for name, value in self.environment.items()}


@contextmanager
def running(kind: str) -> Iterator[ObjectStore]:
    """A store of a kind, `s3`, `s3rver` or `azure`, with an empty bucket. Skips the test if it is not installed."""
    with {"s3": _moto, "s3rver": _s3rver, "azure": _azurite}[kind]() as store:
        yield store


@contextmanager
def _moto() -> Iterator[ObjectStore]:
    pytest.importorskip("s3fs", reason="needs the extra objectstore")
    moto = pytest.importorskip("moto.server", reason="needs moto, of the extra servers")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    gate = Gate(server.get_host_and_port()[1])
    try:
        yield _with_bucket(ObjectStore("s3://bucket/prefix", gate, _aws_environment(gate, "any")))
    finally:
        gate.close()
        server.stop()


@contextmanager
def _s3rver() -> Iterator[ObjectStore]:
    """moto takes every key; this one checks the signature of each request."""
    pytest.importorskip("s3fs", reason="needs the extra objectstore")
    with tempfile.TemporaryDirectory() as folder, _listening("s3rver", "--silent", "-d", folder) as port:
        gate = Gate(port)
        try:
            environment = _aws_environment(gate, S3RVER_KEY)
            yield _with_bucket(ObjectStore("s3://bucket/prefix", gate, environment, S3RVER_KEY))
        finally:
            gate.close()


def _aws_environment(gate: Gate, key: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",  # s3rver knows no other
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{gate.port}",
    }


@contextmanager
def _azurite() -> Iterator[ObjectStore]:
    if find_spec("adlfs") is None:
        pytest.skip("needs the extra objectstore")
    options = ("--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry")
    with _listening("azurite-blob", *options, host="--blobHost", port="--blobPort") as port:
        gate = Gate(port)
        endpoint = f"http://127.0.0.1:{gate.port}/{AZURITE_ACCOUNT}"
        account = f"AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY}"
        connection = f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={endpoint};"
        environment = {"AZURE_STORAGE_CONNECTION_STRING": connection}
        try:
            yield _with_bucket(ObjectStore("az://bucket/prefix", gate, environment, AZURITE_KEY))
        finally:
            gate.close()


@contextmanager
def _listening(name: str, *options: str, host: str = "--address", port: str = "--port") -> Iterator[int]:
    """The port of a server that npm has installed. Skips the test if it is not."""
    program = shutil.which(name) or shutil.which(name, path=PROGRAMS)
    if program is None:
        pytest.skip(f"needs {name}: make stores installs it")
    number = _free_port()
    address = (f"{host}=127.0.0.1", f"{port}={number}")
    server = subprocess.Popen([program, *address, *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for(number)
        yield number
    finally:
        server.terminate()
        server.wait(10)


def _with_bucket(store: ObjectStore) -> ObjectStore:
    """The store, after its bucket was made."""
    import fsspec

    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        system, root = fsspec.url_to_fs(store.url, skip_instance_cache=True)
        bucket = root.partition("/")[0]
        if not system.exists(bucket):  # all servers of moto in a process have the same ones
            system.mkdir(bucket)
    return store


def _wait_for(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
