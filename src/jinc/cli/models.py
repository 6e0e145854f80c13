"""`jinc models`."""

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from jinc.bundled import Card, bundled_folders, read_card
from jinc.errors import counted


def models(*, json_: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """List the bundled models, which every command takes by name: `jinc sample mnist`.

    Args:
        json_: print JSON.
    """
    cards = {folder: read_card(folder) for folder in bundled_folders().values()}
    if json_:
        print(json.dumps({f.name: card_facts(f, c) for f, c in cards.items()}, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False)
    for folder, card in cards.items():
        console.print(f"{folder.name}: {card.about}", style="bold")
        for line in _lines(folder, card):
            console.print(f"  {line}", soft_wrap=True)


def card_facts(folder: Path, card: Card) -> dict[str, Any]:
    """Return the facts of a card, ready for JSON."""
    return {
        "about": card.about,
        "image_size": list(card.image_size),
        "channels": card.channels,
        "classes": list(card.classes),
        "parameters": card.parameters,
        "bytes": _bytes(folder),
        "license": card.license,
        "trained_on": card.trained_on,
        "data_licence": card.data_licence,
        "scores": [{"name": s.name, "value": s.value, "error": s.error} for s in card.scores],
        "commands": list(card.commands),
        "picture": str(folder / card.picture),
    }


def _lines(folder: Path, card: Card) -> list[str]:
    height, width = card.image_size
    classes = f", {counted(len(card.classes), 'classes')}" if card.classes else ""
    return [
        f"{card.channels}×{height}×{width}{classes}; {card.parameters / 1e6:.2f} M parameters, "
        f"{_bytes(folder) / 1e6:.1f} MB; {card.license}",
        f"trained on {card.trained_on}; {card.data_licence}",
        *map(str, card.scores),
        *(f"$ {command}" for command in card.commands),
        f"picture: {folder / card.picture}",
    ]


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
