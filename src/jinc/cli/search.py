"""`jinc search`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from jinc.cli.model_argument import RunOrModel
from jinc.cli.naming import named
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.cli.provenance import begin_results, check_results, source_facts
from jinc.cli.sampling import SEVERAL
from jinc.diffusion import SeededNoise
from jinc.documents import read_object
from jinc.errors import JincError
from jinc.files import write_json
from jinc.metrics.search import (
    Measured,
    best_within,
    evaluations,
    front,
    measure_denoiser,
)
from jinc.metrics.search import (
    search as configurations,
)
from jinc.models import Model, open_model
from jinc.models.convert.examples import levels_of
from jinc.models.convert.settings import FILE, Settings
from jinc.models.converting import converted, inputs_for, network_of
from jinc.nn import parse_config
from jinc.report import plot_search
from jinc.schema import build
from jinc.signal.padding import Padding
from jinc.train import CleanImages, clean_images

FACTS = "search.json"
FILES = (FACTS, "front.png", FILE)


def search(
    source: RunOrModel,
    /,
    *,
    out: Path,
    data: str | None = None,
    designs: Annotated[tuple[str, ...], SEVERAL] = ("D@6", "D@12"),
    padding: Padding | None = None,
    most_time: float = 1.5,
    number: Annotated[int, Parameter(alias="-n")] = 16,
    seed: int = 0,
    device: str = "auto",
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Find the levels at which alias-free designs buy the most equivariance for their time.

    An interrupted search continues when it is called again.

    Args:
        source: a run or model folder, or the folder of a pixel pipeline of diffusers.
        out: folder for search.json, front.png, and jinc.json, the best configuration within
            --most-time, which `jinc convert --config` takes.
        data: clean images (default: those of the run).
        designs: configurations to choose from at each level.
        padding: padding of feature maps at the edges (default: as trained).
        most_time: time of a forward pass, over that of the model as it is.
        number: number of clean images.
        seed: of noise and augmentations.
        device: cpu, cuda, mps, or auto, the fastest available.
        json_: print JSON.
    """
    for design in designs:
        parse_config(design)
    if not designs or "A" in designs:
        raise JincError("--designs: give one or more besides A, the model as it is")
    if not most_time >= 1:
        raise JincError(f"--most-time: {most_time:g} is not at least 1, the model as it is")
    if number < 1:
        raise JincError(f"--number: {number} is not at least 1")
    if seed < 0:
        raise JincError(f"--seed: {seed} is less than 0")
    check_results(out, "search", FILES)
    model = open_model(source, device=device)
    if not isinstance(model, Model):
        raise JincError(f"{source}: takes texts; jinc search supports models of numbered classes")
    for design in designs:
        converted(model, Settings(design, padding))  # an error before data is read
    console = Console(stderr=True)
    with named("data"), decoding_progress(console) as report:
        clean = clean_images(source, model, data, number, seed, report)
    say_what_was_read(console, clean.summary)
    facts = source_facts(source) | {
        "data": clean.words,
        "padding": padding,
        "number": len(clean.x0),
        "seed": seed,
    }
    known = _earlier(out, facts)
    levels = levels_of(network_of(model), inputs_for(model))
    measure = _measuring(model, clean, padding, seed)
    begin_results(out, "search", facts, FILES)
    found: list[Measured] = []
    try:
        with Progress(console=console) as bar:
            task = bar.add_task("measuring", total=evaluations(levels, len(designs)))
            for each in configurations(lambda n: known.get(n) or measure(n), levels, designs):
                found.append(each)
                _write(out, facts, found)
                bar.update(task, advance=1, description=each.config)
            bar.update(task, completed=evaluations(levels, len(designs)))
    except KeyboardInterrupt:
        console.print(f"stopped after {len(found)} configurations; the same command continues")
        raise
    chosen = best_within(found, most_time)
    plot_search(found, chosen, out / "front.png")
    if chosen.config != "A" or padding is not None:
        Settings(chosen.config, padding).write(out)
    whole = _write(out, facts, found, levels=levels, chosen=asdict(chosen))
    if json_:
        print(json.dumps(whole, ensure_ascii=False))
        return
    _print(found, chosen)
    place = ", the model as it is" if chosen.config == "A" else f" ({out / FILE})"
    print(f"best within {most_time:g}× the time: {chosen.config}{place}")


def _measuring(
    model: Model, clean: CleanImages, padding: Padding | None, seed: int
) -> Callable[[str], Measured]:
    """Return a function that measures a configuration of a model on clean images."""
    x0 = clean.x0.to(model.device)
    eps = SeededNoise(seed, range(len(x0)))(x0)
    prompts = clean.prompts or ("",) * len(x0)
    original = converted(model, Settings("A", padding)).prompted(prompts)

    def measure(config: str) -> Measured:
        settings = Settings(config, padding)
        denoiser = original if config == "A" else converted(model, settings).prompted(prompts)
        return measure_denoiser(config, denoiser, original, model.schedule, x0, eps)

    return measure


def _earlier(out: Path, facts: Mapping[str, Any]) -> dict[str, Measured]:
    """Return what an interrupted call measured of the same model and images."""
    if not (out / FACTS).is_file():
        return {}
    earlier = read_object(out / FACTS)
    if earlier.get("made_with") != json.loads(json.dumps(facts)):
        return {}
    found = (build(Measured, each, str(out / FACTS)) for each in earlier.get("found", []))
    return {each.config: each for each in found}


def _write(
    out: Path, facts: Mapping[str, Any], found: Sequence[Measured], **more: Any
) -> dict[str, Any]:
    best = [each.config for each in front(found)]
    whole = more | {"front": best, "found": [asdict(x) for x in found], "made_with": facts}
    write_json(out / FACTS, whole)
    return whole


def _print(found: Sequence[Measured], chosen: Measured) -> None:
    best = front(found)
    table = Table(box=SIMPLE, padding=(0, 1))
    for column in ("configuration", "time", "½ px, dB", "loss", ""):
        words = column in ("configuration", "")
        table.add_column(column, justify="left" if words else "right", no_wrap=True)
    for each in sorted(found, key=lambda each: each.time):
        mark = "chosen" if each == chosen else "front" if each in best else ""
        row = (f"{each.time:.2f}", f"{each.half_pixel_db:.1f}", f"{each.loss:.4f}", mark)
        table.add_row(each.config, *row)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(
        "designs by level, full resolution first; time: of a forward pass, over that of the model "
        "as it is (A); ½ px: predicted noise, half a pixel; loss: of the predicted noise, before "
        "any fine-tuning"
    )
