"""The tab *Probe*."""

from functools import partial

import gradio as gr

from jinc.app.jobs import Context
from jinc.app.probe import DATA, OF_RUN, probe
from jinc.app.tabs.controls import Widgets, how_sampled
from jinc.app.tabs.running import Stage
from jinc.bundled import located
from jinc.metrics import PARTS


def show(context: Context) -> None:
    """Show the tab."""
    of_run = (located(context.source) / "config.yaml").is_file()
    data = [OF_RUN] * of_run + [*DATA]
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            widgets = Widgets(
                only=gr.CheckboxGroup(
                    list(PARTS),
                    value=["network"],
                    label="What to measure",
                    info="Predictions by level, scores of samples, curves by angle and distance",
                ),
                data=gr.Dropdown(data, value=data[0], label="Clean images"),
                number=gr.Number(16, label="Images", precision=0, minimum=1),
            )
            widgets |= how_sampled(context, steps=20)
            buttons = gr.Column()
        with gr.Column(scale=3, min_width=300):
            stage = Stage()
    with buttons:
        stage.run(partial(probe, context), widgets, "Measure")
