"""A temporary PostgreSQL server with its own data folder, reachable only by a Unix socket."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

INSTALLED = Path("/usr/lib/postgresql")
UNPRIVILEGED = ("postgres", "nobody")
SPEED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB"}

MOST_DELETED = 1000
"""After more rows than that, the tables get new files: deleted rows slow down the statements of the next tests."""


def binaries() -> Path | None:
    """The folder of the newest installed server, or None."""
    found = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].partition(".")[0]))
    path = shutil.which("initdb")
    return found[-1].parent if found else Path(path).parent if path else None


def user() -> str | None:
    """The account for the server, which refuses to run as root; None for the current one."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in names)


class PostgreSQL:
    """A running server. `durable` keeps the default settings, under which a crash loses no committed transaction."""

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self.binaries, self.user = binaries, user()
        self.folder = Path(tempfile.mkdtemp(prefix="holdout-postgresql-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        self._run(
            "initdb", "-D", str(self.data), "-U", "holdout", "--auth=trust", "--encoding=UTF8", "--no-sync"
        )
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
        }
        settings = options if durable else options | SPEED
        self.options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str) -> str:
        """The URL of a database, for `HOLDOUT_DATABASE_URL`."""
        return f"postgresql://holdout@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        log = (self.folder / "log").open("ab")
        command = [str(self.binaries / "postgres"), "-D", str(self.data), *self.options]
        with log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, user=self.user, cwd="/")
        deadline = time.monotonic() + 30
        while True:
            with suppress(psycopg.OperationalError):
                self._connect().close()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends all sessions at once, SIGQUIT also skips the checkpoint."""
        self.process.send_signal(how)
        self.process.wait(30)

    def create(self, name: str, *, template: str = "template0") -> str:
        """Create a database. Returns its URL."""
        with self._connect() as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def empty(self, url: str, tables: Sequence[str]) -> None:
        """End all other connections to a database, and delete the rows of its tables.

        For few rows, DELETE takes a tenth of the time of TRUNCATE, which writes new files for all tables and indexes.
        """
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        with psycopg.connect(url) as connection:
            connection.execute(f"{others} AND pid <> pg_backend_pid()".encode())
            connection.execute(
                "SET LOCAL session_replication_role = replica"
            )  # neither triggers nor foreign keys
            deleted = [connection.execute(f"DELETE FROM {table}".encode()).rowcount for table in tables]
            if sum(deleted) > MOST_DELETED:
                connection.execute(f"TRUNCATE {', '.join(tables)}".encode())

    def drop(self, name: str) -> None:
        """Remove a database, even if there are connections to it."""
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Stop the server and delete its folder."""
        if self.process.poll() is None:
            self.stop(how=signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(f"host={self.folder} user=holdout dbname=postgres", autocommit=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, user=self.user, cwd="/", check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)


@contextmanager
def private_server(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """Run a server for as long as the context lasts. Raises LookupError if none is installed."""
    found = binaries()
    if found is None:
        raise LookupError("no PostgreSQL server is installed on this machine")
    server = PostgreSQL(found, durable=durable)
    try:
        yield server
    finally:
        server.close()
