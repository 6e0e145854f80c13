"""Validation loss, grids of samples and scores during training."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet, save_png
from jinc.models import Model
from jinc.nn import Conditioning, Network
from jinc.train.batches import Batches
from jinc.train.config import TrainConfig
from jinc.train.processes import Processes
from jinc.train.run import Run
from jinc.train.stepper import Stepper
from jinc.train.tasks import Task

MOST = 1024
"""Held-out images of a validation at most; always the same ones."""

Scorer: TypeAlias = Callable[[Model], Iterator[Mapping[str, float | None] | None]]
"""Scores a model: yields None after every step, and its figures by name at the end, of which
`score` is better the lower it is."""

ORIGINAL = "original_"
"""Before the names of figures of the model that is fine-tuned, at step 0."""


@dataclass(frozen=True, eq=False)
class Observer:
    """Draws grids of samples and computes scores at certain steps, without effect on training.

    Args:
        total: number of all steps.
        pictures: further steps with grids, for `sample_epochs`.
        scorer: for `score_every`.
        scores: figures by step.
    """

    run: Run
    config: TrainConfig
    task: Task[Any]
    stepper: Stepper
    processes: Processes
    total: int
    pictures: frozenset[int]
    scorer: Scorer | None
    scores: dict[int, dict[str, float | None]] = field(default_factory=dict)

    def picture_is_due(self, step: int) -> bool:
        """Whether a step has grids of samples."""
        return self._due(step, self.config.sample_every) or step in self.pictures

    def score_is_due(self, step: int) -> bool:
        """Whether a step has a score."""
        return self._due(step, self.config.score_every)

    def has_all(self, step: int) -> bool:
        """Whether the grids and the score of a step are in the run folder."""
        drawn = all(self.run.samples(step, n).exists() for n in ("", *self.config.sample_with[1:]))
        scored = any(e["step"] == step and "score" in e for e in self.run.read_log())
        return (drawn or not self.picture_is_due(step)) and (scored or not self.score_is_due(step))

    def observe(self, step: int, stopping: Callable[[], bool]) -> Iterator[None]:
        """Draw the grids and compute the score of a step, yielding after every step of sampling.

        It ends early, half done, once this process is `stopping`.
        """
        network = self.stepper.averaged
        was_training = network.training
        network.eval()
        try:
            with self.processes.together():
                if self.processes.is_main or self._splits:
                    yield from self._observe(step, stopping)
        finally:  # also if the iterator is not exhausted
            network.train(was_training)

    def _observe(self, step: int, stopping: Callable[[], bool]) -> Iterator[None]:
        package = self.task.packaged(self.stepper.averaged)
        names = iter(("", *self.config.sample_with[1:]))
        for picture in self.task.draw(package) if self.picture_is_due(step) else ():
            if picture is not None and self.processes.is_main:
                save_png(self.run.samples(step, next(names)), picture)
            yield
            if stopping() and not self._splits:
                return
        if self.scorer is None or not self.score_is_due(step):
            return
        found: dict[str, float | None] = {}
        original = {} if step or self.task.original is None else {ORIGINAL: self.task.original}
        for prefix, model in {**original, "": package}.items():
            for figures in self.scorer(model):
                found |= {prefix + name: value for name, value in (figures or {}).items()}
                yield
                if stopping() and figures is None:
                    return
        self.scores[step] = found

    @property
    def _splits(self) -> bool:
        """Whether every forward pass needs all processes."""
        return self.config.fsdp and self.processes.count > 1

    def _due(self, step: int, every: int) -> bool:
        return bool(every) and (step % every == 0 or step == self.total)


@torch.no_grad()
def validation_loss(
    task: Task[Any],
    network: Network,
    images: ImageSet,
    held_out: NDArray[np.int64],
    config: TrainConfig,
) -> float:
    """Return the mean loss of a network on held-out images, without augmentation.

    Each is used once; of more than `MOST`, the same `MOST`, drawn by the seed. The network is in
    evaluation mode meanwhile. `held_out` has the positions of one image at least.
    """
    size = min(config.batch_size, len(held_out))
    batches = Batches(
        images,
        batch_size=size,
        timesteps=config.timesteps,
        seed=config.seed + 2**63,  # other noise than in training
        among=held_out,
        moves=config.moves if config.equivariance else None,
        device=next(network.parameters()).device,
    )

    def predict(*inputs: Tensor | Conditioning) -> Tensor:
        output: Tensor = network(*inputs)
        return output

    was_training = network.training
    network.eval()
    count = min(len(held_out), MOST)
    steps = range(math.ceil(count / size))
    losses = torch.cat([task.losses(predict, batches.batch(step)) for step in steps])
    network.train(was_training)
    # The last batch is filled up with images of the next round, for losses that need whole ones.
    return float(losses[:count].mean())
