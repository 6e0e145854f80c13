"""Pictures and scores during training: they change nothing of it, and miss nothing."""

from collections.abc import Iterator, Mapping

import pytest
import torch

from jinc.errors import JincError
from jinc.models import Model, SamplingPlan, generate_images
from jinc.train import Run, TrainConfig, Trainer
from jinc.train.retention import best_checkpoint

SCORED = {"score_every": 2, "checkpoint_every": 2, "steps": 6, "keep": 1}


def brightness(model: Model) -> Iterator[Mapping[str, float | None] | None]:
    """Stands for a score: it samples, and draws random numbers of its own."""
    torch.rand(3)
    mean = 0.0
    for _, step in generate_images(model, SamplingPlan(number=2, steps=3)):
        mean = float(step.x_t.mean())
        yield None
    yield {"score": mean}


@pytest.fixture
def scored(tmp_path, digits):
    def new(name: str = "scored", scorer=brightness, **settings: object) -> Trainer:
        usual = {"config": "A", "width": 4, "levels": 1, "batch_size": 4, "timesteps": 20}
        usual |= {"device": "cpu", "sample_every": 0, "log_every": 5, "learning_rate": 3e-3}
        config = TrainConfig(**{**usual, **SCORED, **settings})
        return Trainer(Run.create(tmp_path / name, config), digits, scorer=scorer)

    return new


def ranked(*scores: float):
    """Scores from a list, whatever the model."""
    left = iter(scores)

    def scorer(model: Model) -> Iterator[Mapping[str, float | None] | None]:
        yield None
        yield {"score": next(left)}

    return scorer


@pytest.mark.parametrize("best_by", ["loss", "score"])
def test_scores_change_no_byte_of_training(scored, new_trainer, finish, best_by) -> None:
    kind = {"network": "resunet", "multipliers": (1, 2), "blocks": 1, "attention": (4,)}
    kind |= {"dropout": 0.4}
    plain = finish(new_trainer("plain", **{**SCORED, **kind, "score_every": 0}))
    with_scores = finish(scored(best_by=best_by, **kind))
    log = with_scores.pop("log")
    assert [e["step"] for e in log if "score" in e] == [2, 4, 6]
    assert [e for e in log if "score" not in e] == plain.pop("log")
    assert with_scores == plain


def test_the_best_by_score_is_saved(scored, finish) -> None:
    trainer = scored(scorer=ranked(3.0, 1.0, 2.0), best_by="score")
    seen = {}
    for progress in trainer.steps():
        seen[progress.step] = next(trainer.stepper.averaged.parameters()).detach().clone()
    best = best_checkpoint(trainer.run.checkpoints)
    assert best is not None
    assert best.name == "step-00000004"
    kept = Model.load(trainer.run.path / "best").network
    assert torch.equal(next(kept.parameters()), seen[4])


def test_an_interrupted_score_is_computed_after_a_resume(scored, digits, finish) -> None:
    straight = finish(scored("straight", best_by="score"))
    trainer = scored("stopped", best_by="score")
    for progress in trainer.steps():
        if progress.drawing and progress.step == 4:
            trainer.request_stop()
    assert (trainer.stopped, trainer.step) == (True, 4)
    assert [e["step"] for e in trainer.run.read_log() if "score" in e] == [2]
    resumed = Trainer(trainer.run, digits, resume=True, scorer=brightness)
    assert finish(resumed) == straight
    best = [best_checkpoint(t.run.checkpoints) for t in (trainer, resumed)]
    assert best[0] == best[1]


def test_each_sampler_draws_a_grid(new_trainer, finish) -> None:
    trainer = new_trainer(
        steps=1, sample_every=1, timesteps=3, sample_with=("ddim", "ddpm", "dpm++")
    )
    finish(trainer)
    found = sorted(file.name for file in (trainer.run.path / "samples").iterdir())
    assert found == [f"step-00000001{name}.png" for name in ("-ddpm", "-dpm++", "")]


def test_scores_need_a_scorer(new_trainer, scored) -> None:
    with pytest.raises(JincError, match="score_every: needs a scorer"):
        new_trainer("a", score_every=2)
    with pytest.raises(JincError, match="best_by: score needs --score-every"):
        new_trainer("b", best_by="score")
    with pytest.raises(JincError, match="score_every: is for models of images"):
        scored("c", upscale=2)
