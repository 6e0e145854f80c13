"""The tab *Upscale*."""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from jinc.app.jobs import Context, Job
from jinc.app.tabs.controls import how_sampled
from jinc.app.tabs.running import Stage
from jinc.app.upscale import MOST_PIXELS, upscale


def show(context: Context) -> None:
    """Show the tab."""
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            picture = gr.Image(
                label=f"A picture of at most {MOST_PIXELS:,} pixels",
                sources=["upload", "clipboard"],
                elem_classes=["picture", "sharp"],
            )
            seed = gr.Number(0, label="Seed", precision=0, minimum=0)
            widgets = {"picture": picture, "seed": seed, **how_sampled(context, steps=20)}
            buttons = gr.Column()
        with gr.Column(scale=3, min_width=300):
            stage = Stage(["Bicubic", "Upscaled"], narrowest=160)
    with buttons:
        stage.run(partial(_upscale, context), widgets, "Upscale")


def _upscale(context: Context, *, picture: dict[str, Any] | None, **given: Any) -> Job:
    return upscale(context, picture=None if picture is None else Path(picture["path"]), **given)
