"""The tab *Generate*."""

from functools import partial

import gradio as gr

from jinc.app.generate import generate
from jinc.app.jobs import Context
from jinc.app.tabs.controls import how_sampled, which_images
from jinc.app.tabs.running import Stage


def show(context: Context) -> None:
    """Show the tab."""
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            widgets = which_images(context, 16) | how_sampled(context, guidance=3)
            buttons = gr.Column()
        with gr.Column(scale=3, min_width=300):
            stage = Stage(["Images"])
    with buttons:
        stage.run(partial(generate, context), widgets, "Generate")
