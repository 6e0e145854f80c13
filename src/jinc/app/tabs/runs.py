"""The tab *Runs*."""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from jinc.app.jobs import Context
from jinc.app.runs import last_change, list_runs, watch
from jinc.app.tabs.running import Stage, failure
from jinc.app.uploads import in_colour
from jinc.data import read_picture
from jinc.errors import JincError

EVERY = 5
"""Seconds after which the page looks again."""


def show(context: Context) -> None:
    """Show the tab, which looks again every few seconds."""
    runs = list_runs(context.source)
    chosen = gr.Dropdown(
        list(runs),
        value=next(iter(runs), None),
        label="Run",
        info="In the working folder, two levels deep",
    )
    stage = Stage(["Curve", "Samples"], sharp=False)
    seen = gr.State()
    gr.on(
        [chosen.change, gr.Timer(EVERY).tick],
        partial(_look, context),
        [chosen, seen],
        [chosen, *stage.outputs, seen],
        show_progress="hidden",
        queue=False,
    )


def _read(file: Path | None) -> Any:
    return None if file is None else in_colour(read_picture(file))


def _look(context: Context, name: str | None, seen: Any) -> list[Any]:
    """Look for runs, and at the chosen one, unless nothing is new since the state that was seen."""
    runs = list_runs(context.source)
    name = name or next(iter(runs), None)
    if name is None:
        nothing = "There is no run here: `jinc train --out first` makes one."
        return [gr.skip(), None, None, nothing, "", "", None]
    try:
        if (state := (list(runs), name, last_change(runs, name))) == seen:
            return [gr.skip()] * 7
        with context.place() as folder:
            found = watch(runs, name, folder)
            pictures = [_read(found.curve), _read(found.samples)]
        listed = gr.Dropdown(list(runs), value=name)
        return [listed, *pictures, found.line, found.recipe.shell, found.recipe.python, state]
    except (JincError, RuntimeError, MemoryError) as error:
        return [*[gr.skip()] * 3, failure(error), *[gr.skip()] * 3]
