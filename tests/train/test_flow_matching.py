"""Flow matching is trained and sampled as everything else is, and learns."""

import json
from functools import partial

import numpy as np
import pytest
import torch

from jinc.data import to_float
from jinc.diffusion import adaptive, ddim, flow_time, heun, sample
from jinc.models import SamplingPlan, generate_images

FLOW = {"prediction": "flow", "schedule": "flow"}


@pytest.mark.slow
def test_it_learns(new_trainer, digits) -> None:
    """Its error falls below what is left when only the noisy image is known, and no network.

    With images of variance s² about their mean, the best linear guess of u = eps − x0 from
    z = (1−τ) x0 + τ eps is off by s²/((1−τ)² s² + τ²) on average.
    """
    settings = {"network": "resunet", "width": 8, "learning_rate": 0.01, "timesteps": 100}
    trainer = new_trainer(steps=200, batch_size=16, **FLOW, **settings)
    losses = [progress.loss for progress in trainer.steps()]
    spread = float(to_float(digits.batch(range(len(digits)))).double().var(0).mean())
    time = flow_time(trainer.run.model().schedule, torch.arange(100))
    linear = float((spread / ((1 - time) ** 2 * spread + time**2)).mean())
    constant = 1 + spread
    assert np.mean(losses[-50:]) < 0.8 * linear < 0.8 * constant, (losses[-5:], linear)


@pytest.mark.parametrize(
    "walk", [partial(sample, method=ddim()), heun, partial(adaptive, tolerance=0.05)]
)
def test_it_samples_the_data(new_trainer, walk) -> None:
    trainer = new_trainer(steps=2, **FLOW)
    for _ in trainer.steps():
        pass
    model = trainer.run.model()
    assert (model.prediction, model.schedule_name) == ("flow", "flow")
    facts = json.loads((trainer.run.path / "model" / "diffusion.json").read_text())
    assert (facts["prediction"], facts["schedule"]) == ("flow", "flow")
    *_, (_, step) = generate_images(model, SamplingPlan(number=2, sampler=walk, steps=5))
    assert step.t == -1
    assert step.x_t.isfinite().all()
