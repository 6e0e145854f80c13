"""Buttons that start jobs, and the places where these show pictures."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from jinc.app.jobs import Job
from jinc.app.tabs.controls import Widgets
from jinc.errors import JincError, in_one_line, is_of_memory

DEVICE: dict[str, Any] = {"concurrency_id": "device", "concurrency_limit": 1}
"""One job at a time, since all use one device; others wait in the queue."""


class Stage:
    """Pictures side by side, a line below, and how to repeat them.

    Args:
        labels: of the pictures, "" for no label; none for a gallery of as many as there are.
        sharp: whether pixels are shown as squares.
        narrowest: width of a picture below which the next one goes under it, pixels.
    """

    def __init__(
        self, labels: Sequence[str] = (), sharp: bool = True, narrowest: int = 240
    ) -> None:
        with gr.Row():
            self.pictures = [_picture(label, sharp, narrowest) for label in labels]
            self.gallery = gr.Gallery(
                visible=not labels,
                show_label=False,
                columns=1,
                height="auto",
                object_fit="contain",
                buttons=["download"],
                elem_classes="plots",
            )
        self.line = gr.Markdown("Ready.", elem_classes="line")
        with gr.Accordion("The same from a shell, or in Python", open=False):
            self.shell = gr.Code(language="shell", label="Shell", interactive=False, lines=1)
            self.python = gr.Code(
                language="python", label="Python", interactive=False, lines=1, wrap_lines=True
            )

    @property
    def outputs(self) -> list[Any]:
        """All that a job changes."""
        return [*(self.pictures or [self.gallery]), self.line, self.shell, self.python]

    def run(
        self, start: Callable[..., Job], widgets: Widgets, label: str, also: Sequence[Any] = ()
    ) -> None:
        """Show buttons that start a job with the values of widgets, and cancel it.

        Args:
            start: makes the job from keywords.
            widgets: by keyword.
            label: of the button.
            also: further events that start it.
        """
        names = list(widgets)

        def steps(*values: Any) -> Iterator[list[Any]]:
            keep = [gr.skip()] * (len(self.outputs) - 3)
            try:
                job = start(**dict(zip(names, values, strict=True)))
                yield [*keep, "Starting …", job.recipe.shell, job.recipe.python]
                for pictures, line in job.shown:
                    seen: list[Any] = [
                        str(each) if isinstance(each, Path) else each for each in pictures
                    ]
                    if not self.pictures:
                        seen = [seen] if seen else keep
                    yield [*seen, line, gr.skip(), gr.skip()]
            except (JincError, RuntimeError, MemoryError) as error:
                yield [*keep, failure(error), gr.skip(), gr.skip()]

        with gr.Row():
            go = gr.Button(label, variant="primary", min_width=120)
            cancel = gr.Button("Cancel", min_width=80)
        started = gr.on(
            [go.click, *also],
            steps,
            [*widgets.values()],
            self.outputs,
            preprocess=False,
            show_progress="minimal",
            show_progress_on=self.line,
            **DEVICE,
        )
        cancel.click(
            lambda: "Cancelled.", None, self.line, cancels=[started], show_progress="hidden"
        )


def failure(error: Exception) -> str:
    """Return bad input, or a lack of memory, as a line; raise other errors again."""
    if not (isinstance(error, JincError) or is_of_memory(error)):
        raise error
    return f"⚠ {in_one_line(str(error))}"


def _picture(label: str, sharp: bool, narrowest: int) -> Any:
    return gr.Image(
        label=label,
        show_label=bool(label),
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        min_width=narrowest,
        elem_classes=["picture", "sharp"] if sharp else "picture",
    )
