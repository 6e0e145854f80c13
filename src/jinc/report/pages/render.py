"""Templates filled in, as one file that asks for nothing."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinc.files import writing

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, context: Mapping[str, Any]) -> str:
    """Fill in a template; everything that is put into it is escaped.

    Args:
        template: name of one of `report/templates`.
        context: what it names.
    """
    from markupsafe import Markup

    script = files("jinc.report").joinpath("templates", "scrub.js").read_text("utf-8").strip()
    # The page runs this script and no other, whatever the names in it hold.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _templates()
        .get_template(template)
        .render(
            **context,
            script=Markup(script),
            script_hash=f"sha256-{digest}",
            version=version("jinc"),
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
        )
    )


def write_page(file: Path, text: str) -> None:
    """Write a page; raise a JincError where that cannot be done."""
    with writing(file) as out:
        out.write(text.encode())


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("jinc.report"),
        autoescape=True,
        undefined=StrictUndefined,  # a name that is misspelt is an error, not nothing
        trim_blocks=True,
        lstrip_blocks=True,
    )
