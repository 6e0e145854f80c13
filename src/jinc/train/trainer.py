"""The training loop: AdamW on the squared error of ε, an average of the weights, checkpoints."""

import collections
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.data import ImageSet, image_grid, save_png
from jinc.diffusion import ddim, forward
from jinc.errors import JincError
from jinc.models import CHUNK, Model, choose_device, generate_images, grid_columns
from jinc.train.batches import Batches
from jinc.train.checkpoint import Checkpoint, load_newest, save_checkpoint
from jinc.train.ema import Ema
from jinc.train.optimiser import load_optimiser, optimiser_tensors
from jinc.train.run import Run
from jinc.train.setup import build_model

NON_FINITE_LIMIT = 5
"""Steps with a loss that is no number, in a row, after which training stops."""

GRID = 40
"""Images in a picture of samples; one chunk where they are larger than 32×32."""

STEPS = 50
"""Steps of DDIM that they are sampled in, or all where there are fewer."""


@dataclass(frozen=True)
class Progress:
    """What is known after a step.

    Args:
        step: number of finished steps.
        total: number of all steps.
        loss: of this step.
        images_per_second: over the time since the last line of the log.
        drawing: told between two steps of drawing samples, not after one of training.
    """

    step: int
    total: int
    loss: float
    images_per_second: float
    drawing: bool = False


class Trainer:
    """Train a U-Net in a run folder. Iterating `steps()` is training.

    Args:
        run: where everything goes.
        images: the data.
        resume: go on from the newest checkpoint.

    Raises:
        JincError: settings and data do not fit, or there is nothing to resume.
    """

    def __init__(self, run: Run, images: ImageSet, *, resume: bool = False) -> None:
        """Build the network, and bring it to where the run had come."""
        self.run, self.config = run, run.config
        self.total = self.config.total_steps(len(images))
        self.device = choose_device(self.config.device)
        torch.manual_seed(self.config.seed)
        self.model = build_model(self.config, images)
        self.network = self.model.network.to(self.device)
        self.ema = Ema(self.network, self.config.ema_decay)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=self.config.learning_rate,
            betas=self.config.adam_betas,
            weight_decay=self.config.weight_decay,
            fused=self.device.type in ("cpu", "cuda"),
        )
        self.batches = Batches(
            images,
            batch_size=self.config.batch_size,
            timesteps=self.config.timesteps,
            hflip=self.config.hflip,
            seed=self.config.seed,
        )
        self.step = 0
        self._failures = 0
        if resume:
            self._resume()

    def steps(self) -> Iterator[Progress]:
        """Train to the end; leaving early leaves the run resumable.

        Yields:
            What is known after every step of training, and of drawing samples.

        Raises:
            JincError: the loss was no number several times in a row, or the disk failed.
        """
        losses: list[float] = []
        since, rate = time.perf_counter(), 0.0
        while self.step < self.total:
            loss = self._train_step()
            self.step += 1
            losses.append(loss)
            if self._due(self.config.log_every):
                seconds = time.perf_counter() - since
                rate = len(losses) * self.config.batch_size / seconds
                mean = sum(losses) / len(losses)
                self.run.append_log(
                    {"step": self.step, "loss": _json_number(mean), "images_per_second": rate}
                )
                losses = []
            if self._due(self.config.checkpoint_every):
                self.save()
            yield Progress(self.step, self.total, loss, rate)
            if self.config.sample_every and self._due(self.config.sample_every):
                for _ in self._draw_samples():
                    yield Progress(self.step, self.total, loss, rate, drawing=True)
            if not losses:
                since = time.perf_counter()

    def save(self) -> None:
        """Write a checkpoint and, beside it, the averaged model ready for use."""
        groups = {
            "network": self.network.state_dict(),
            "ema": self.ema.network.state_dict(),
            "optimiser": optimiser_tensors(self.optimiser),
        }
        state = {"torch": torch.__version__, "threads": torch.get_num_threads()}
        save_checkpoint(
            self.run.checkpoints, Checkpoint(self.step, groups, state), self.config.keep
        )
        self._save_model()

    def averaged_model(self) -> Model:
        """Return the model with averaged weights."""
        return replace(self.model, network=self.ema.network)

    def _save_model(self) -> None:
        self.averaged_model().save(self.run.path / "model")

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.total

    def _train_step(self) -> float:
        """Do one step; a loss that is no number changes nothing."""
        batch = self.batches.batch(self.step, self.device)
        x_t = forward(self.model.schedule, batch.x0, batch.t, batch.eps)
        labels = batch.labels if self.network.classes else None
        self.optimiser.zero_grad(set_to_none=True)
        error = F.mse_loss(self.network(x_t, batch.t, labels), batch.eps)
        error.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        loss = error.item()
        if math.isfinite(loss) and _finite_gradients(self.network):
            self._failures = 0
            self.optimiser.step()
            self.ema.update(self.step + 1)
            return loss
        self._failures += 1
        if self._failures == NON_FINITE_LIMIT:
            raise JincError(
                f"{self.run.path}: loss or gradients were not finite {NON_FINITE_LIMIT} times in a "
                f"row, up to step {self.step + 1}; the last checkpoint is good, lower learning_rate"
            )
        return loss

    def _draw_samples(self) -> Iterator[None]:
        """Draw a picture of samples, pausing after every step of it."""
        model = self.averaged_model()
        labels = range(len(model.class_names)) or None
        last: dict[int, Tensor] = {}
        walk = generate_images(
            model,
            GRID if max(model.image_size) <= 32 else CHUNK,
            method=ddim(eta=1.0),
            steps=min(STEPS, model.timesteps),
            labels=labels,
            seed=self.config.seed,
        )
        for numbers, step in walk:
            if step.t == -1:
                last[numbers.start] = step.x_t
            yield
        images = torch.cat(list(last.values()))
        grid = image_grid(images, columns=grid_columns(labels), scale=None)
        save_png(self.run.samples(self.step), grid)

    def _resume(self) -> None:
        checkpoint = load_newest(self.run.checkpoints)
        if checkpoint is None:
            self.run.forget_log_after(0)
            return
        try:
            self.network.load_state_dict(dict(checkpoint.groups["network"]))
            self.ema.network.load_state_dict(dict(checkpoint.groups["ema"]))
            load_optimiser(self.optimiser, checkpoint.groups["optimiser"])
        except (RuntimeError, ValueError, LookupError):
            raise JincError(
                f"{self.run.checkpoints}: the checkpoint of step {checkpoint.step} is of another "
                f"network than {self.run.path / 'config.yaml'} asks for"
            ) from None
        self.step = checkpoint.step
        self.run.forget_log_after(self.step)
        # The machine may have stopped between the checkpoint and what goes with it.
        self._save_model()
        if self.step == self.total and self.config.sample_every:
            collections.deque(self._draw_samples(), maxlen=0)


def _finite_gradients(network: nn.Module) -> bool:
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return bool(torch.nn.utils.get_total_norm(gradients).isfinite())


def _json_number(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None
