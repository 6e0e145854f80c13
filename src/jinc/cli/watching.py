"""Waiting for images: a bar for people who watch, and pictures of how they came to be."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from jinc.cli.finite import check_finite
from jinc.cli.sampling import SamplingOptions
from jinc.diffusion import Step
from jinc.report import Recorder
from jinc.types import Images

FRAMES = 40
"""States in a GIF, at most."""

STRIP = 8
"""States in a strip, at most."""

SHOWN = 8
"""Images in either."""


@dataclass(frozen=True, kw_only=True)
class WatchedOptions(SamplingOptions):
    """Pictures of how images came to be.

    Args:
        strip: draw how the first images came to be, in strip.png: states, and predictions below.
        gif: the same as denoising.gif.
    """

    strip: Annotated[bool, Parameter(negative=())] = False
    gif: Annotated[bool, Parameter(negative=())] = False

    @property
    def pictures(self) -> list[str]:
        """The files of those that are wanted."""
        return ["strip.png"] * self.strip + ["denoising.gif"] * self.gif


class Watch:
    """Shows a bar while images come to be, and keeps some states of the first chunk.

    Args:
        options: which pictures are wanted.
        steps: of each chunk.
        chunks: how many there are.
        what: words beside the bar.
    """

    def __init__(
        self, options: WatchedOptions, steps: int, chunks: int, what: str = "sampling"
    ) -> None:
        """Keep nothing where no picture is wanted."""
        self._options, self._total, self._what = options, steps * chunks, what
        self._steps = steps
        # Nobody knows how many steps adaptive makes.
        kept = steps if options.sampler == "adaptive" else FRAMES
        self._recorder = Recorder(steps, kept, SHOWN)

    def finished(self, walks: Iterable[tuple[range, Step]]) -> Iterator[tuple[range, Images]]:
        """Yield the numbers and the images of every chunk as it is done.

        Raises:
            JincError: they are not finite numbers.
        """
        options = self._options
        with Progress(console=Console(stderr=True)) as bar:
            task, done = bar.add_task(self._what, total=self._total), 0
            for numbers, step in walks:
                bar.advance(task)
                check_finite(step.x_t, options.guidance, options.clips)
                if options.pictures and numbers.start == 0:
                    self._recorder.see(step)
                if step.t == -1:
                    done += self._steps
                    bar.update(task, completed=done)
                    yield numbers, step.x_t

    def write(self, out: Path) -> list[str]:
        """Write the pictures that are wanted to a folder, and return their files."""
        names = self._options.pictures
        for name in names:
            seen = self._recorder.trajectory()
            seen.thinned(STRIP if name == "strip.png" else FRAMES).save(out / name)
        return [str(out / name) for name in names]
