"""Signals that the tests ignore because their shell does: nohup ignores SIGHUP, and a background shell SIGINT."""

import signal


def keep_from_child_processes() -> None:
    """Ignore them with a handler: a program inherits that a signal is ignored, but no handler.

    Else a program that a test starts would not stop when the test sends the signal.
    """
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
