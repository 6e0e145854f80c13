"""Errors name options as the command line does, not as fields or arguments."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from jinc.errors import JincError


@contextmanager
def named(*fields: str) -> Iterator[None]:
    """Put dashes before errors that begin with the name of a field, as in `steps: 0 is …`.

    >>> with named("variant"):
    ...     raise JincError("variant: there is none")
    Traceback (most recent call last):
    jinc.errors.JincError: --variant: there is none
    """
    try:
        yield
    except JincError as error:
        text = str(error)
        if re.split(r":| must ", text)[0] in fields:
            raise JincError(f"--{text}") from None
        raise
