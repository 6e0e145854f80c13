"""The tab *Rotate and shift*."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import gradio as gr

from jinc.app.jobs import Context, Job
from jinc.app.motion import rotate, shift
from jinc.app.tabs.controls import Widgets, how_sampled, which_images
from jinc.app.tabs.running import Stage
from jinc.cli.rotate import Operator
from jinc.models import Model


def show(context: Context) -> None:
    """Show the tab, with rotations for square images."""
    height, width = context.generator.image_size
    with gr.Tabs():
        if height == width:
            with gr.Tab("Rotate"):
                _show(context, _angle, partial(rotate, context), "Rotate")
        with gr.Tab("Shift"):
            _show(context, partial(_offsets, width, height), partial(shift, context), "Shift")


def _show(
    context: Context, amounts: Callable[[], Widgets], start: Callable[..., Job], label: str
) -> None:
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            widgets = amounts()
            sliders = [each for each in widgets.values() if isinstance(each, gr.Slider)]
            widgets |= which_images(context, 4) | _ways(context)
            widgets |= how_sampled(context, steps=20, guidance=3)
            buttons = gr.Column()
        with gr.Column(scale=3, min_width=300):
            stage = Stage(["In place", "Moved during sampling"])
    with buttons:
        stage.run(start, widgets, label, [slider.release for slider in sliders])


def _angle() -> Widgets:
    angle = gr.Slider(-180, 180, 30, step=1, label="Angle", info="Degrees, counter-clockwise")
    operators = list(get_args(Operator))
    return {"angle": angle, "method": gr.Dropdown(operators, value="unitary", label="Operator")}


def _offsets(width: int, height: int) -> Widgets:
    right, down = (
        gr.Slider(-side // 2, side // 2, start, step=0.25, label=label, info="Pixels")
        for label, side, start in (("Right", width, 2.5), ("Down", height, 0))
    )
    return {"right": right, "down": down}


def _ways(context: Context) -> Widgets:
    model = context.generator
    if not isinstance(model, Model) or model.frames is None:
        return {}
    ways: Any = gr.Radio(
        ["frame", "state", "both"],
        value="frame",
        label="What moves",
        info="The model's idea of where up is, the noisy image, or both",
    )
    return {"by": ways}
