"""Scores of a model while it trains."""

from collections.abc import Iterator

from torch import Tensor

from jinc.data import ImageSet, to_uint8
from jinc.errors import JincError
from jinc.metrics import cached_features, check_scores, features_of, open_extractor
from jinc.metrics.scores.frechet import frechet_distance
from jinc.models import Model, SamplingPlan, generate_images
from jinc.train import Scorer, TrainConfig


def training_scorer(config: TrainConfig, images: ImageSet) -> Scorer:
    """Return what measures the Fréchet distance of generated images to the data of a run.

    Args:
        config: of the run: which features, how many images, which sampler and seed.
        images: the data; features are taken of all of them, once.

    Raises:
        JincError: features cannot be had, or not of these images.
    """
    if config.score_features.startswith("torchscript:"):
        raise JincError("score_features: TorchScript is a program, which training does not run")
    extractor = open_extractor(config.score_features)
    check_scores(extractor, images, config.score_images, ("frechet",))
    real = cached_features(images, extractor)
    plan = SamplingPlan(
        number=config.score_images,
        sampler=config.sample_with[0] if config.sample_with else "ddim",
        guidance=config.sample_guidance,
        seed=config.seed,
    )

    def scored(model: Model) -> Iterator[float | None]:
        made: list[Tensor] = []
        for _, step in generate_images(model, plan.of(model.class_names)):
            if step.t == -1:
                made.append(to_uint8(step.x_t))
            yield None
        yield frechet_distance(real.statistics, features_of(made, extractor).statistics)

    return scored
