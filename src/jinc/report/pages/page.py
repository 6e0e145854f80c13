"""A page: one HTML file that loads nothing, filled with the parts that can be made."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jinc.errors import JincError
from jinc.files import writing

if TYPE_CHECKING:
    from jinja2 import Environment

T = TypeVar("T")


class Missing(NamedTuple):
    """A part that a page does not have, why in a few words, and the command that makes it."""

    what: str
    why: str
    command: str = ""


@dataclass
class Page:
    """Parts of a page by name in its template, and what is missing."""

    parts: dict[str, Any] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    def add(
        self, name: str, make: Callable[[], T | None], what: str, why: str, command: str = ""
    ) -> T | None:
        """Make a part; where it is empty or fails with a JincError, note why it is missing."""
        part = None
        try:
            part = make() or None
        except JincError as error:
            why, command = str(error), ""
        if part is None:
            self.missing.append(Missing(what, why, command))
        self.parts[name] = part
        return part

    def render(self, template: str) -> str:
        """Fill in one of `report/templates`, and return HTML in which all data are escaped."""
        from markupsafe import Markup

        script = files("jinc.report").joinpath("templates", "scrub.js").read_text("utf-8").strip()
        # The page runs this script and no other, whatever the names in it contain.
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        found = _templates().get_template(template)
        return found.render(
            **self.parts,
            missing=self.missing,
            script=Markup(script),
            script_hash=f"sha256-{digest}",
            version=version("jinc"),
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
        )


def write_page(file: Path, text: str) -> None:
    """Write HTML; raise a JincError if that fails."""
    with writing(file) as out:
        out.write(text.encode())


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("jinc.report"),
        autoescape=True,
        undefined=StrictUndefined,  # a misspelt name is an error, not nothing
        trim_blocks=True,
        lstrip_blocks=True,
    )
