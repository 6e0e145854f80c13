"""`jinc finetune`."""

from dataclasses import replace
from pathlib import Path

from jinc.cli.options import FINETUNING, FinetuningOptions, plain
from jinc.cli.resuming import ChangedSettings
from jinc.cli.train import train
from jinc.errors import told_once
from jinc.models.convert.settings import Settings
from jinc.train import as_original, open_original


def finetune(
    model: str,
    /,
    *,
    out: Path | None = None,
    resume: bool = False,
    dry_run: bool = False,
    set_: ChangedSettings = (),
    config: FinetuningOptions = FINETUNING,
) -> None:
    """Train a model on in another configuration, such as an alias-free one.

    Args:
        model: a run or model folder; or a pixel pipeline of diffusers, by its folder or its name on
            the Hub.
        out: the run folder, as of `jinc train`; with --score-every also finetune.png, the scores of
            all models over their equivariance.
        resume: continue from the newest checkpoint of the run, or start if there is none.
        dry_run: print parameters, memory and time of training, and write nothing.
        set_: with --resume, settings to change from the newest checkpoint on, such as
            learning_rate=1e-4 batch_size=32; the log records the step.
        config: the settings; the model determines its network and its noise schedule, and --config
            may also be the jinc.json of `jinc search` or `jinc convert`.
    """
    with told_once():
        original, place = open_original(model), Path(model)
        given = Settings.by_level(config.config)
        chosen = {
            "config": given.config,
            "padding": config.padding or given.padding or original.network.padding,
            "original": str(place.absolute()) if place.exists() else model,
        }
        settings = as_original(plain(replace(config, **chosen)), original)
    train(out=out, resume=resume, dry_run=dry_run, set_=set_, config=settings)
