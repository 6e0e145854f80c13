"""Signals that ask a run to stop, and the second one that ends it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = (
    "SIGINT",
    "SIGTERM",
    "SIGUSR1",
)  # the last is what schedulers send before their time is up


@contextmanager
def stop_requests(request: Callable[[], None], *, once: bool = True) -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGUSR1 into a request; a second one ends the process.

    Args:
        request: called in the signal handler, so that it may only set a mark.
        once: false where a launcher repeats what the process has got already, and ends it itself:
            then a second signal is but another request.
    """
    kinds = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]

    def note(number: int, frame: FrameType | None) -> None:
        request()
        for each in kinds if once else ():
            signal.signal(each, signal.SIG_DFL)

    previous = {each: signal.signal(each, note) for each in kinds}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
