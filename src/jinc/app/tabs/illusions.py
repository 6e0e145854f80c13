"""The tab *Illusions*."""

from functools import partial

import gradio as gr

from jinc.app.illusions import REDUCTIONS, certified, illusion
from jinc.app.jobs import Context
from jinc.app.tabs.controls import Widgets, how_sampled
from jinc.app.tabs.running import Stage, failure
from jinc.errors import JincError

VIEWS = [
    *("rotate 180", "rotate 90", "rotate 37", "hflip", "vflip", "puzzle 4", "inner_circle"),
    *("square_hinge", "skew", "negate", "rotate 90 then hflip"),
]

READABLE = ["6", "9"]
"""Classes of which one is the other upside down."""


def show(context: Context) -> None:
    """Show the tab."""
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            widgets = _prompts(context)
            view = gr.Dropdown(
                VIEWS,
                value="rotate 180",
                allow_custom_value=True,
                label="View",
                info="Any orthogonal one: type a name, “then” composes",
            )
            check = gr.Markdown(certified(context, VIEWS[0]), elem_classes="line")
            with gr.Row():
                widgets["number"] = gr.Number(
                    4, label="Images", precision=0, minimum=1, min_width=80
                )
                widgets["seed"] = gr.Number(0, label="Seed", precision=0, minimum=0, min_width=80)
            widgets |= {"view": view} | how_sampled(context, guidance=5)
            widgets["reduction"] = gr.Radio(
                list(REDUCTIONS), value="mean", label="How predictions are combined"
            )
            buttons = gr.Column()
        with gr.Column(scale=3, min_width=300):
            stage = Stage([""], sharp=False)
    with buttons:
        stage.run(partial(illusion, context), widgets, "Generate")
    view.change(partial(_checked, context), view, check, show_progress="hidden", queue=False)


def _prompts(context: Context) -> Widgets:
    names = list(context.generator.class_names)
    pair = READABLE if {*READABLE} <= {*names} else names[-2:] * 2  # of one class, twice
    labels = {"first": "As it is", "second": "Through the view"}
    with gr.Row():
        return {
            name: gr.Dropdown(names, value=pair[place], label=label, min_width=110)
            if names
            else gr.Textbox(label=label, max_length=300)
            for place, (name, label) in enumerate(labels.items())
        }


def _checked(context: Context, view: str) -> str:
    try:
        return certified(context, view)
    except (JincError, RuntimeError, MemoryError) as error:
        return failure(error)
