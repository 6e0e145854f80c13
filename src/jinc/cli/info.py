"""`jinc info`."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jinc.bundled import is_bundled, read_card
from jinc.cli.model_argument import RunOrModel
from jinc.cli.models import card_facts
from jinc.diffusion import warn_of_signal
from jinc.diffusion.spectral import Spectrum
from jinc.errors import JincError
from jinc.models import (
    DiffusersModel,
    Model,
    PixelModel,
    PromptedModel,
    PromptedUpscaler,
    SingleStep,
    Trained,
    Upscaler,
    choose_device,
    open_model,
    open_upscaler,
    takes_texts,
)
from jinc.nn import Network
from jinc.signal import fused
from jinc.train import Run

_LISTED = ("config", "channels", "classes", "image_size", "timesteps")
"""Arguments of networks that are listed under names of their own."""


def info(
    source: RunOrModel | None = None,
    /,
    *,
    device: Annotated[bool, Parameter(negative=())] = False,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Describe a run or a model: its network, its size, its data and its last losses.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        device: describe this machine instead, and how it computes filtered activations.
        json_: print JSON.
    """
    if device == (source is not None):
        raise JincError("info: give a run or model folder, or --device")
    facts = _facts(source) if source is not None else _device_facts()
    if json_:
        print(json.dumps(facts, ensure_ascii=False))
        return
    table = Table(show_header=False)
    for name, value in facts.items():
        words = "×".join(map(str, value)) if name == "image_size" else _words(value)
        table.add_row(name.replace("_", " "), escape(words))
    Console().print(table)


def _facts(source: Path) -> dict[str, Any]:
    if _holds(source, "denoiser.json"):
        facts = _denoiser_facts(source)
    elif _holds(source, "upscaling.json"):
        facts = _upscaler_facts(source)
    else:
        facts = _model_facts(_opened(source))
    if is_bundled(source):
        facts = _card_facts(source) | facts
    return facts | (_run_facts(Run.open(source)) if (source / "config.yaml").is_file() else {})


def _card_facts(source: Path) -> dict[str, Any]:
    """Return the facts of the card of a bundled model, scores in words."""
    card = read_card(source)
    return card_facts(source, card) | {"scores": list(map(str, card.scores))}


def _device_facts() -> dict[str, Any]:
    """Describe the machine; a form is fused, or in steps with the reason."""
    chosen = choose_device("auto")
    own = {"name": torch.cuda.get_device_name(chosen)} if chosen.type == "cuda" else {}
    forms = {device: reason or "fused" for device, reason in fused.forms().items()}
    return {
        "device": str(chosen),
        **own,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        **{f"filtered_activations_on_{device}": form for device, form in forms.items()},
    }


def _holds(source: Path, name: str) -> bool:
    return (source / "model" / name).is_file() or (source / name).is_file()


def _opened(source: Path) -> PixelModel | PromptedUpscaler:
    """Open a model; a text-conditioned one without its text encoder, which is large."""
    if not takes_texts(source):
        return open_model(source)
    empty = {"": torch.zeros(1, 1)}
    if _holds(source / "image_noising_scheduler", "scheduler_config.json"):
        second = open_upscaler(source, embeddings=empty)
        assert isinstance(second, PromptedUpscaler)  # the only text-conditioned upscalers
        return second
    return open_model(source, embeddings=empty)


def _upscaler_facts(source: Path) -> dict[str, Any]:
    upscaler = open_upscaler(source)
    assert isinstance(upscaler, Upscaler)
    own = {"enlarges": upscaler.factor, "spread": upscaler.spread}
    return _trained_facts(upscaler) | own | {"most_noise": upscaler.most_noise}


def _denoiser_facts(source: Path) -> dict[str, Any]:
    inside = source / "model"
    denoiser = SingleStep.load(inside if inside.is_dir() else source)
    facts = _network_facts(denoiser.network, denoiser.image_size)
    return facts | {"noise_std": denoiser.noise_std} | _arguments(denoiser.network)


def _model_facts(model: PixelModel | PromptedUpscaler) -> dict[str, Any]:
    if isinstance(model, Model) and not isinstance(model, DiffusersModel):
        return _trained_facts(model)
    assert isinstance(model, DiffusersModel | PromptedModel | PromptedUpscaler)  # no others
    condition = "classes" if model.class_names else "no prompts"
    warn_of_signal(model.schedule)
    return {
        "network": "diffusers",
        "takes": condition if isinstance(model, DiffusersModel) else "texts",
        "image_size": list(model.image_size),
        "channels": model.channels,
        "classes": list(model.class_names),
        "parameters": sum(p.numel() for p in model.network.parameters()),
        "timesteps": model.timesteps,
        "signal_left": model.schedule.signal_left,
    }


def _trained_facts(model: Trained) -> dict[str, Any]:
    schedule = model.named_schedule()
    warn_of_signal(schedule)
    return {
        **_network_facts(model.network, model.image_size, list(model.class_names)),
        **_arguments(model.network),
        "prediction": model.prediction,
        **_spectrum_facts(model.spectrum),
        **({"frame": "upright"} if isinstance(model, Model) and model.frames else {}),
        "schedule": model.schedule_name,
        "timesteps": model.timesteps,
        "scale_betas": model.scale_betas,
        "signal_left": schedule.signal_left,
    }


def _spectrum_facts(spectrum: Spectrum | None) -> dict[str, Any]:
    if spectrum is None:
        return {}
    most, least = float(spectrum.power.max()), float(spectrum.power.min())
    if len(spectrum.frequency) == 1:
        return {"spectrum": f"white, variance {most:.3g}"}
    facts = f"{spectrum.waves} waves at {len(spectrum.frequency):,} frequencies"
    return {"spectrum": f"{facts}, power {least:.3g} to {most:.3g}"}


def _network_facts(
    network: Network, image_size: tuple[int, int], classes: list[str] | None = None
) -> dict[str, Any]:
    return {
        "network": network.kind,
        "config": network.config.name,
        "image_size": list(image_size),
        "channels": network.channels,
        **({} if classes is None else {"classes": classes}),
        "parameters": sum(p.numel() for p in network.parameters()),
    }


def _arguments(network: Network) -> dict[str, Any]:
    return {name: v for name, v in network.arguments().items() if name not in _LISTED}


def _run_facts(run: Run) -> dict[str, Any]:
    facts: dict[str, Any] = {"data": run.config.data, "seed": run.config.seed}
    for name in ("loss", "validation_loss", "score"):
        entries = [entry for entry in run.read_log() if name in entry]
        if entries and name == "loss":
            facts["steps"] = entries[-1]["step"]
        if entries:
            facts[name] = entries[-1][name]
    return facts


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
