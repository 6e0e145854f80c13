"""Inputs to try a model with."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeGuard

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from jinc.errors import JincError

Example: TypeAlias = Tensor | Sequence[Any] | Mapping[str, Any]

LARGEST = 64
"""Pixels a side of inputs, at most."""

T = 500
"""Step of noisy inputs, of usually 1,000."""


@dataclass(frozen=True)
class Inputs:
    """The inputs of one call of a model.

    Args:
        args: positional arguments.
        kwargs: arguments by name.
    """

    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, model: nn.Module) -> Any:
        """Call the model."""
        return model(*self.args, **self.kwargs)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Inputs":
        """Return inputs with other maps, `[B, C, H, W]`."""
        changed = lambda x: change(x) if is_map(x) else x  # noqa: E731
        return Inputs(*tree_map(changed, (list(self.args), dict(self.kwargs))))


def is_map(x: object) -> TypeGuard[Tensor]:
    """Whether a value is a map, `[B, C, H, W]`."""
    return isinstance(x, Tensor) and x.ndim == 4 and x.is_floating_point()


def inputs_of(model: nn.Module, example: Example | None) -> Inputs:
    """Return the inputs of one call of a model.

    Args:
        model: where `example` is None, one of diffusers' U-Nets, autoencoders, control networks
            or transformers.
        example: one argument, positional arguments, or arguments by name.

    Raises:
        JincError: no inputs are given for a model of another kind, or no arguments.
    """
    if isinstance(example, Tensor):
        example = (example,)
    if isinstance(example, Mapping):
        return Inputs(kwargs=example)
    if isinstance(example, Sequence) and not isinstance(example, str):
        return Inputs(example)
    if example is not None:
        raise JincError(
            f"example: {example!r:.60} is no tensor, nor a sequence or mapping of arguments"
        )
    kind = type(model).__name__
    if kind not in INPUTS or not hasattr(model, "config"):
        raise JincError(
            f"example: {kind} is unknown; give inputs for one call, such as "
            "example=(torch.randn(1, 3, 32, 32),)"
        )
    inputs = INPUTS[kind](model.config)
    like = next(model.parameters())
    inputs = {
        name: x.to(like.device, like.dtype if x.is_floating_point() else None)
        for name, x in inputs.items()
    }
    return Inputs(kwargs=inputs)


@torch.no_grad()
def levels_of(model: nn.Module, inputs: Inputs) -> int:
    """Return the number of resolutions of a model's maps, each half as fine as the one before."""
    sides: list[int] = []
    noted = lambda _, __, output: sides.append(output.shape[-2]) if is_map(output) else None  # noqa: E731
    hooks = [module.register_forward_hook(noted) for module in model.modules()]
    try:
        inputs(model)
    finally:
        for hook in hooks:
            hook.remove()
    return 1 + max((round(math.log2(max(sides) / side)) for side in sides), default=0)


def _maps(config: Any) -> Tensor:
    size = getattr(config, "sample_size", None) or LARGEST
    height, width = (size, size) if isinstance(size, int) else size
    return torch.ones(1, config.in_channels, min(height, LARGEST), min(width, LARGEST))


def _unet(config: Any) -> dict[str, Tensor]:
    labels = {} if not config.num_class_embeds else {"class_labels": torch.tensor([0])}
    return {"sample": _maps(config), "timestep": torch.tensor([T]), **labels}


def _conditional(config: Any) -> dict[str, Tensor]:
    width = config.encoder_hid_dim or config.cross_attention_dim
    width = width if isinstance(width, int) else width[0]
    return {**_unet(config), "encoder_hidden_states": torch.ones(1, 4, width)}


def _control(config: Any) -> dict[str, Tensor]:
    side = 16 * 2 ** (len(config.conditioning_embedding_out_channels) - 1)
    maps = torch.ones(1, config.conditioning_channels, side, side)
    sample = {"sample": torch.ones(1, config.in_channels, 16, 16), "controlnet_cond": maps}
    return {**_conditional(config), **sample}


def _transformer(config: Any) -> dict[str, Tensor]:
    label = torch.tensor([0])
    return {"hidden_states": _maps(config), "timestep": torch.tensor([T]), "class_labels": label}


INPUTS: Mapping[str, Callable[[Any], dict[str, Tensor]]] = {
    "UNet2DModel": _unet,
    "UNet2DConditionModel": _conditional,
    "AutoencoderKL": lambda config: {"sample": _maps(config)},
    "VQModel": lambda config: {"sample": _maps(config)},
    "ControlNetModel": _control,
    "DiTTransformer2DModel": _transformer,
}
"""Inputs of diffusers' models, by class name."""
