"""Uploads to the artifact store: each in a thread of its own, tried again until it is done or cancelled.

So neither a transaction nor the agent waits for a store that is away, hangs, or is merely slow.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread

from service.store.artifacts.retrying import call_until_cancelled
from workers.processes.messages import ArtifactReference, CheckpointTaken, Content, Succeeded, WorkerEvent

Upload = Future[ArtifactReference]


def start_upload(
    save: Callable[[bytes], ArtifactReference], remove: Callable[[str], None], content: bytes
) -> Upload:
    """Start to store `content` with `save`, and return where it will be. To cancel the upload is to give it up.

    `save` raises BlobStoreUnavailable while the store cannot take it. `remove` takes away what was stored although
    the upload had been cancelled by then.
    """
    upload: Upload = Future()
    arguments = (upload, save, remove, content)
    try:
        Thread(target=_run, args=arguments, name="upload", daemon=True).start()
    except (
        RuntimeError
    ):  # the system has no thread left: this one, which reads from one worker alone, has to wait
        _run(*arguments)
    return upload


def _run(
    upload: Upload,
    save: Callable[[bytes], ArtifactReference],
    remove: Callable[[str], None],
    content: bytes,
) -> None:
    try:
        stored = call_until_cancelled(upload, lambda: save(content))
    except Exception as error:  # no fault of the store: to try again would not help
        if upload.set_running_or_notify_cancel():
            upload.set_exception(error)
        return
    if stored is None:
        return
    if upload.set_running_or_notify_cancel():
        upload.set_result(stored)
    else:
        remove(stored.name)


def contents_of(event: WorkerEvent) -> list[Content]:
    """What an event has to store besides figures: bytes, or where they are or will be."""
    match event:
        case CheckpointTaken(content=content):
            return [content]
        case Succeeded(model=model, row_results=row_results):
            return [model] if row_results is None else [model, row_results]
        case _:
            return []


def uploads_of(event: WorkerEvent) -> list[Upload]:
    """The uploads that an event's contents come from, done or not."""
    return [each for each in contents_of(event) if isinstance(each, Future)]


def is_uploaded(event: WorkerEvent) -> bool:
    """Whether all contents of an event are where they should be."""
    return all(upload.done() for upload in uploads_of(event))


def discard_contents(event: WorkerEvent) -> list[str]:
    """Give up the uploads of an event. Returns the names of what is stored already, and is garbage now."""
    uploads = uploads_of(event)
    stored = [each.name for each in contents_of(event) if isinstance(each, ArtifactReference)]
    return stored + [
        upload.result().name for upload in uploads if not upload.cancel() and not upload.exception()
    ]
