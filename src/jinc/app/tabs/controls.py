"""Widgets of the options of sampling."""

from typing import Any

import gradio as gr

from jinc.app.jobs import Context
from jinc.diffusion import SAMPLERS
from jinc.models import PromptedModel

Widgets = dict[str, Any]
"""Widgets by the names of the options that they set."""


def which_images(context: Context, number: int) -> Widgets:
    """Show what to generate, how many images, and the seed."""
    widgets = prompts_of(context, "All classes, or choose some")
    with gr.Row():
        widgets["number"] = gr.Number(number, label="Images", precision=0, minimum=1, min_width=80)
        widgets["seed"] = gr.Number(0, label="Seed", precision=0, minimum=0, min_width=80)
    return widgets


def prompts_of(context: Context, info: str, required: bool = False) -> Widgets:
    """Show the classes of the model to choose from; nothing for a model without.

    Args:
        context: the model.
        info: what choosing none means.
        required: whether one is chosen to begin with.
    """
    model = context.generator
    if isinstance(model, PromptedModel):
        return {"prompts": gr.Textbox(label="Prompt", max_length=1000)}
    if not model.class_names:
        return {}
    classes = list(model.class_names)
    chosen = classes[:required]
    return {
        "prompts": gr.Dropdown(classes, value=chosen, multiselect=True, label="Classes", info=info)
    }


def how_sampled(
    context: Context, sampler: str = "ddim", steps: int = 50, guidance: float = 1
) -> Widgets:
    """Show guidance, if the model can be guided, and the sampler with its options."""
    model, widgets = context.either, Widgets()
    if model.guidable:
        widgets["guidance"] = gr.Slider(
            0,
            10,
            guidance,
            step=0.1,
            label="Guidance",
            info="1 is the model's own; more follows closer",
        )
    with gr.Accordion("Sampling", open=False):
        widgets["sampler"] = gr.Dropdown(list(SAMPLERS), value=sampler, label="Sampler")
        most = model.timesteps
        widgets["steps"] = gr.Slider(1, most, min(steps, most), step=1, label="Steps")
        widgets["eta"] = gr.Slider(
            0, 1, 0, step=0.05, label="η", info="0 is deterministic, 1 adds as much noise as DDPM"
        )

    def fit(name: str) -> tuple[Any, Any]:
        entry = SAMPLERS[name]
        count = entry.count(most, None)
        return gr.update(value=count), gr.update(visible="eta" in entry.options)

    widgets["sampler"].input(
        fit,
        widgets["sampler"],
        [widgets["steps"], widgets["eta"]],
        show_progress="hidden",
        queue=False,
    )
    return widgets
