"""The tab *Edit*: a canvas to draw on and to paint masks on."""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch

from jinc.app.edit import Drawing, edit, inpaint, sampled
from jinc.app.jobs import Context, Job
from jinc.app.tabs.controls import how_sampled, prompts_of
from jinc.app.tabs.running import DEVICE, Stage, failure
from jinc.data import enlargement, image_grid
from jinc.errors import JincError

SIDE = 336
"""Of the canvas, pixels."""

COLOURS = ["#ffffff", "#000000", "#d93025", "#f6bf26", "#188038", "#1967d2", "#8e24aa", "#795548"]
"""The first three for grey images too: red shows a mask over white strokes."""


def show(context: Context) -> None:
    """Show the tab."""
    model = context.generator
    scale = enlargement(model.image_size, SIDE)
    blank = torch.full((1, model.channels, *model.image_size), -1.0 if model.channels == 1 else 1.0)
    canvas = image_grid(blank, padding=0, scale=scale)
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            editor = gr.ImageEditor(
                canvas,
                label="Canvas",
                format="png",
                sources=("upload", "clipboard"),
                brush=gr.Brush(
                    default_size=2 * scale, colors=COLOURS[: 3 if model.channels == 1 else None]
                ),
                layers=False,
                transforms=(),
                canvas_size=(canvas.shape[1], canvas.shape[0]),
                height=SIDE + 64,
            )
            gr.Markdown("Draw, or drop a picture. To inpaint, paint over what to generate.")
            again = gr.Button("Put a generated image on the canvas", size="sm")
            said = gr.Markdown(elem_classes="line")
        with gr.Column(scale=1, min_width=320), gr.Tabs():
            with gr.Tab("Edit all of it"):
                strength = gr.Slider(
                    0.05, 1, 0.6, step=0.05, label="Strength", info="More keeps less of the picture"
                )
                widgets = {"drawing": editor, "strength": strength, **_usual(context)}
                buttons = gr.Column()
                stage = Stage(["Picture", "Edited"], sharp=False, narrowest=160)
                with buttons:
                    stage.run(partial(_edit, context, editor), widgets, "Edit")
            with gr.Tab("Inpaint what is painted over"):
                times = gr.Slider(
                    1,
                    10,
                    2,
                    step=1,
                    label="Passes",
                    info="More fit better, and take as much longer",
                )
                widgets = {"drawing": editor, "times": times, **_usual(context)}
                buttons = gr.Column()
                filled = Stage(["Picture", "Mask", "Inpainted"], sharp=False, narrowest=160)
                with buttons:
                    filled.run(partial(_inpaint, context, editor), widgets, "Inpaint")
    again.click(
        partial(_generated, context, scale),
        None,
        [editor, said],
        show_progress="minimal",
        show_progress_on=said,
        **DEVICE,
    )


def _usual(context: Context) -> dict[str, Any]:
    if context.generator.guidable:
        widgets = prompts_of(context, "None, or one")
    else:
        widgets = prompts_of(context, "Towards which", required=True)
    widgets["seed"] = gr.Number(0, label="Seed", precision=0, minimum=0, min_width=80)
    return widgets | how_sampled(context, steps=20)


def _edit(context: Context, editor: Any, *, drawing: Any, **given: Any) -> Job:
    return edit(context, drawing=_drawing(editor, drawing), **given)


def _inpaint(context: Context, editor: Any, *, drawing: Any, **given: Any) -> Job:
    return inpaint(context, drawing=_drawing(editor, drawing), **given)


def _drawing(editor: Any, sent: dict[str, Any] | None) -> Drawing | None:
    """Collect what the browser sent: files that it uploaded before, or at once."""
    if sent is None:
        return None
    if sent.get("id") is None:
        files = sent["background"], *sent["layers"], sent["composite"]
        below, *layers, whole = (None if f is None else Path(f["path"]).read_bytes() for f in files)
    else:
        blobs = editor.blob_storage.pop(sent["id"], None)
        if blobs is None:
            return None
        below, layers, whole = blobs.background, blobs.layers, blobs.composite
    return Drawing(below, [each for each in layers if each is not None], whole)


def _generated(context: Context, scale: int) -> tuple[Any, str]:
    """Generate a picture for the canvas, another one each time."""
    seed = int(np.random.default_rng().integers(2**31))
    try:
        image = sampled(context, seed)
    except (JincError, RuntimeError, MemoryError) as error:
        return gr.skip(), failure(error)
    return image_grid(image, padding=0, scale=scale), f"Generated with seed {seed}."
