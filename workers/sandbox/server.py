"""The reading server: it has imported all that reading needs, and forks a process for each job.

Its standard input is a socket. Each byte there brings a socket of its own: from it a job is read, and to it the
report is written. When the first closes, the parent is gone, and so is the server.
"""

import logging
import os
import resource
import signal
import socket
import sys

from workers.data.errors import MalformedFile
from workers.data.sources.upload_store import Upload, write_contents
from workers.processes import memory
from workers.sandbox.protocol import ReadRequest, ReadResult

log = logging.getLogger("holdout.reading")

LARGEST_FILE = 2**32


def main() -> None:
    """Serve until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes that are forked here
    control = socket.socket(fileno=sys.stdin.fileno())
    while True:
        byte, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not byte:
            return
        with socket.socket(fileno=descriptors[0]) as client:
            if os.fork() == 0:
                control.close()
                _serve(client)


def _serve(client: socket.socket) -> None:
    """Carry out one job, in the process that was forked for it."""
    try:
        with client.makefile("rb") as given:
            job = ReadRequest.from_json(given.read())
        limit(job)
        client.sendall(execute(job).to_json())
    finally:
        os._exit(0)


def limit(job: ReadRequest) -> None:
    """Beyond these limits the kernel refuses memory and ends the process."""
    memory.raise_oom_score()
    memory.limit(job.memory_bytes)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    signal.alarm(job.seconds)


def execute(job: ReadRequest) -> ReadResult:
    """Read the files of a job, and lay out what they hold."""
    upload: Upload | None = None
    refusal, out_of_memory = None, False
    try:
        upload = write_contents(job.format.read(job.folder), job.format.name, job.contents)
    except MalformedFile as malformed:
        refusal = malformed
    except MemoryError:
        out_of_memory = True
    except Exception:
        log.exception("reading %s as %s failed", job.folder.name, job.format.name)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return ReadResult(upload, refusal, out_of_memory, used.ru_maxrss * 1024, used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    main()
