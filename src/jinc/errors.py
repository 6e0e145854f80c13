"""The errors that a person can mend."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


class JincError(ValueError):
    """Bad input, told in one line that names the file or option and the reason.

    The command line prints the line and exits with `exit_code`; it never shows a traceback for it.
    """

    exit_code = 2


class ToldElsewhere(JincError):
    """An error that another process of the run tells of; this one only leaves with its code."""

    def __init__(self, exit_code: int = JincError.exit_code) -> None:
        """Say nothing."""
        super().__init__()
        self.exit_code = exit_code


def is_first_on_node() -> bool:
    """Whether this process is the first of those that torchrun has started on this node."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


@contextmanager
def told_once() -> Iterator[None]:
    """Of processes that torchrun started and that all fail alike, let one on each node tell why.

    Raises:
        ToldElsewhere: on the others.
    """
    try:
        yield
    except Exception as error:
        if is_first_on_node():
            raise
        raise ToldElsewhere from error
