"""Parts of a page as they are made, and which of them could not be had."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from jinc.errors import JincError
from jinc.report.pages.found import Missing

T = TypeVar("T")


@dataclass(frozen=True)
class Shelf:
    """Parts of a page, and which could not be had.

    Args:
        parts: by name.
        missing: what is not there.
    """

    parts: dict[str, Any] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    def put(self, name: str, what: str, make: Callable[[], T | None], lack: Missing) -> T | None:
        """Make a part; note what is missing, or why it cannot be read.

        Args:
            name: of the part.
            what: it is, in words.
            make: makes it.
            lack: is noted where there is none of it.
        """
        try:
            part = make()
        except JincError as error:
            self.missing.append(Missing(what, str(error)))
            part = None
        else:
            if not part:
                self.missing.append(lack)
        self.parts[name] = part or None
        return part or None
