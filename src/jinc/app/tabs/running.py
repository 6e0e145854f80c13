"""Buttons that start jobs, and the places where these show pictures."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from jinc.app.jobs import Context, Job
from jinc.app.tabs.controls import Widgets
from jinc.errors import JincError, in_one_line, is_of_memory

DEVICE: dict[str, Any] = {"concurrency_id": "device", "concurrency_limit": 1}
"""One job at a time, since all use one device; others wait in the queue."""

HEIGHT = 420
"""Of pictures, pixels."""


class Stage:
    """Pictures side by side, a line below, and how to repeat them.

    Args:
        labels: of the pictures.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        with gr.Row():
            self.pictures = [
                gr.Image(
                    label=label,
                    format="png",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    height=HEIGHT,
                    elem_classes="pixels",
                )
                for label in labels
            ]
        self.line = gr.Markdown("Ready.", elem_classes="line")
        with gr.Accordion("The same from a shell, or in Python", open=False):
            self.shell = gr.Code(language="shell", label="Shell", interactive=False, lines=1)
            self.python = gr.Code(language="python", label="Python", interactive=False, lines=1)

    @property
    def outputs(self) -> list[Any]:
        """All that a job changes."""
        return [*self.pictures, self.line, self.shell, self.python]

    def run(
        self, start: Callable[..., Job], context: Context, widgets: Widgets, label: str
    ) -> None:
        """Show buttons that start a job with the values of widgets, and cancel it."""
        names = list(widgets)

        def steps(*values: Any) -> Iterator[list[Any]]:
            keep = [gr.skip()] * len(self.pictures)
            try:
                job = start(context, **dict(zip(names, values, strict=True)))
                yield [*keep, "Starting …", job.recipe.shell, job.recipe.python]
                for pictures, line in job.shown:
                    seen = [each if hasattr(each, "shape") else str(each) for each in pictures]
                    yield [*seen, line, gr.skip(), gr.skip()]
            except (JincError, RuntimeError, MemoryError) as error:
                if not (isinstance(error, JincError) or is_of_memory(error)):
                    raise
                yield [*keep, f"⚠ {in_one_line(str(error))}", gr.skip(), gr.skip()]

        with gr.Row():
            go = gr.Button(label, variant="primary", min_width=120)
            cancel = gr.Button("Cancel", min_width=80)
        started = go.click(
            steps,
            [*widgets.values()],
            self.outputs,
            show_progress="minimal",
            show_progress_on=self.line,
            **DEVICE,
        )
        cancel.click(
            lambda: "Cancelled.", None, self.line, cancels=[started], show_progress="hidden"
        )
