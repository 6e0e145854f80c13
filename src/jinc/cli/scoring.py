"""Scores during training: `--score-every`."""

from rich.console import Console

from jinc.data import ImageSet
from jinc.train import Scorer, TrainConfig


def make_scorer(console: Console, config: TrainConfig, images: ImageSet) -> Scorer | None:
    """Open what scores, and look at the data, before training begins; None without scores."""
    if not config.score_every:
        return None
    from jinc.study import training_scorer  # heavy, and rarely needed

    with console.status("looking at the data"):
        return training_scorer(config, images)
