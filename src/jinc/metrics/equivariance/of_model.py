"""What is probed of a model: its denoisers, in any frame."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from jinc.diffusion import method_by_name
from jinc.metrics.equivariance.measures import InFrames, Sampling
from jinc.metrics.equivariance.subject import Subject
from jinc.models import Model, PixelModel, SamplingPlan, joint_denoiser
from jinc.types import Denoiser, Images, Steps


def subject_of(
    model: PixelModel,
    plan: SamplingPlan,
    x0: Images,
    prompts: Sequence[str] = (),
    called: Callable[[], object] = lambda: None,
) -> Subject:
    """Return the subject of a probe of a model.

    Args:
        model: what is probed.
        plan: of generated images, with a named sampler.
        x0: clean images like the training images, `[B, C, H, W]`.
        prompts: of them.
        called: called after every evaluation of the model.

    Raises:
        JincError: a sampler that does not go in single moves.
    """
    method = method_by_name(str(plan.sampler), plan.eta)
    x0 = x0.to(model.device)
    like = x0.new_empty(plan.number, *x0.shape[1:])
    generated, frames = _denoisers(model, plan, called)
    levels = plan.levels(model.schedule)
    sampling = Sampling(generated, model.schedule, like, method, levels, frames)
    of_clean = replace(plan, prompts=tuple(prompts), number=len(x0), clip=False, threshold=None)
    network, frames = _denoisers(model, of_clean, called)
    return Subject(network, x0, sampling, plan.seed, frames)


def _denoisers(
    model: PixelModel, plan: SamplingPlan, called: Callable[[], object]
) -> tuple[Denoiser, InFrames | None]:
    """Return the denoiser of a plan, and that in other frames if the model takes one."""

    def counted(model: PixelModel) -> Denoiser:
        answer = joint_denoiser(model, plan)

        def denoiser(x_t: Images, t: Steps) -> Images:
            x0_hat = answer(x_t, t)
            called()
            return x0_hat

        return denoiser

    if not (isinstance(model, Model) and model.frames is not None):
        return counted(model), None
    return counted(model), lambda frames: counted(model.in_frames(frames))
