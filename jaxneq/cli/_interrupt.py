"""Ctrl-C is never lost, and SIGTERM, by which schedulers announce the end, is treated like it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

_asked = threading.Event()


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Interrupts raise `KeyboardInterrupt` and are remembered, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _asked.clear()
    handlers = {
        signal.SIGINT: _interrupt,
        signal.SIGTERM: lambda *_: signal.raise_signal(signal.SIGINT),
    }
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def reminded(update: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """`update(done, total)`, which also repeats an interrupt that was lost.

    Python drops an exception raised in a callback of the garbage collector, of which JAX has one,
    and some extension modules drop one raised while they are imported.
    """

    def reminding(done: int, total: int) -> None:
        update(done, total)
        if _asked.is_set():
            _asked.clear()
            signal.raise_signal(signal.SIGINT)

    return reminding


def _interrupt(signum: int, frame: object) -> None:
    _asked.set()
    raise KeyboardInterrupt
