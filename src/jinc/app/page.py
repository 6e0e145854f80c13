"""The page: a title, and a tab for everything that the model can do."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.themes.utils.fonts import LocalFont

from jinc.app.jobs import Context
from jinc.app.tabs import edit, generate, illusions, motion, probe, runs, upscale

QUEUE = 32
"""Jobs that wait; further ones are refused."""

OLD = 1800
"""Seconds after which pictures that were shown are deleted."""


def theme() -> Any:
    """Return the theme, whose fonts come with Gradio."""
    fonts = LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"
    return gr.themes.Default(primary_hue="indigo", font=fonts)


def build(context: Context) -> Any:
    """Build the page of a model.

    Args:
        context: the model.

    Returns:
        `gradio.Blocks`.
    """
    tabs = _tabs(context)
    with gr.Blocks(
        title=f"{context.source} · Jinc", fill_width=True, delete_cache=(60, OLD)
    ) as page:
        gr.Markdown(f"# Jinc\n{_facts(context)}", elem_classes="facts")
        with gr.Tabs():
            for name, show in tabs.items():
                with gr.Tab(name):
                    show(context)
    return page.queue(max_size=QUEUE, default_concurrency_limit=1)


def _tabs(context: Context) -> dict[str, Callable[[Context], None]]:
    """Return what the model can do."""
    if context.model is None:
        return {"Upscale": upscale.show, "Runs": runs.show}
    found: dict[str, Callable[[Context], None]] = {
        "Generate": generate.show,
        "Rotate and shift": motion.show,
        "Edit": edit.show,
    }
    if context.model.guidable or len(context.model.class_names) > 1:
        found["Illusions"] = illusions.show
    return found | {"Probe": probe.show, "Runs": runs.show}


def _facts(context: Context) -> str:
    """Describe the model in a line."""
    model = context.either
    height, width = model.image_size
    facts = [
        f"`{context.source}`",
        f"{height}×{width} {'grey' if model.channels == 1 else 'colour'}",
    ]
    if model.class_names:
        facts.append(f"{len(model.class_names)} classes")
    return " · ".join([*facts, f"on {model.device}"])
