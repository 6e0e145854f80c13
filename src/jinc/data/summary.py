"""What a reader understood of a set of images, in one line and for machines."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

_SHOWN = 10


@dataclass(frozen=True)
class Summary:
    """A set of images in figures.

    Args:
        name: of the set.
        images: how many.
        size: height and width, px.
        channels: 1 or 3.
        split: the part of a divided set; "" for a set that is not divided.
        classes: images of each class; empty without classes.
        passed_over: how many files were not taken, by the reason.
        notes: what the reader decided, a short line each.
    """

    name: str
    images: int
    size: tuple[int, int]
    channels: int
    split: str
    classes: Mapping[str, int]
    passed_over: Mapping[str, int]
    notes: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Return all of it in one line, many classes and reasons shortened."""
        height, width = self.size
        colours = "grey" if self.channels == 1 else "RGB"
        count = f"{self.images:,} image{'s' * (self.images != 1)}"
        parts = [f"{count} of {self.name}, {height}×{width}, {colours}"]
        parts += [f"{self.split} split"] * bool(self.split)
        parts += [self._classes()]
        if self.passed_over:
            few = _few(f"{count:,} {reason}" for reason, count in self.passed_over.items())
            parts.append(f"passed over: {few}")
        return "; ".join([*parts, *self.notes])

    def _classes(self) -> str:
        if not self.classes:
            return "no classes"
        count = f"{len(self.classes):,} class{'es' if len(self.classes) > 1 else ''}"
        return f"{count}: {_few(f'{name} ({n:,})' for name, n in self.classes.items())}"


def _few(words: Iterable[str]) -> str:
    listed = list(words)
    return ", ".join(listed[:_SHOWN]) + ", …" * (len(listed) > _SHOWN)
