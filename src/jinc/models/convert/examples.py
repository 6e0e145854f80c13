"""Inputs to try a model with."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from jinc.errors import JincError

Run: TypeAlias = Callable[[nn.Module], object]

Example: TypeAlias = Tensor | Sequence[Any] | Mapping[str, Any]

LARGEST = 64
"""Pixels a side of inputs, at most."""


def as_run(model: nn.Module, example: Example | None) -> Run:
    """Return a call of a model with inputs.

    Args:
        model: where `example` is None, one of diffusers' U-Nets, autoencoders, control networks
            or transformers.
        example: one argument, positional arguments, or arguments by name.

    Raises:
        JincError: no inputs are given for a model of another kind.
    """
    if isinstance(example, Tensor):
        example = (example,)
    if isinstance(example, Mapping):
        return lambda model: model(**example)
    if example is not None:
        return lambda model: model(*example)
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
    return lambda model: model(**inputs)


def _maps(config: Any) -> Tensor:
    size = getattr(config, "sample_size", None) or LARGEST
    height, width = (size, size) if isinstance(size, int) else size
    return torch.ones(1, config.in_channels, min(height, LARGEST), min(width, LARGEST))


def _unet(config: Any) -> dict[str, Tensor]:
    labels = {} if not config.num_class_embeds else {"class_labels": torch.tensor([0])}
    return {"sample": _maps(config), "timestep": torch.tensor([1]), **labels}


def _conditional(config: Any) -> dict[str, Tensor]:
    width = config.encoder_hid_dim or config.cross_attention_dim
    width = width if isinstance(width, int) else width[0]
    return {**_unet(config), "encoder_hidden_states": torch.ones(1, 4, width)}


def _control(config: Any) -> dict[str, Tensor]:
    maps = torch.ones(1, config.conditioning_channels, 8 * 16, 8 * 16)
    sample = {"sample": torch.ones(1, config.in_channels, 16, 16), "controlnet_cond": maps}
    return {**_conditional(config), **sample}


def _transformer(config: Any) -> dict[str, Tensor]:
    label = torch.tensor([0])
    return {"hidden_states": _maps(config), "timestep": torch.tensor([1]), "class_labels": label}


INPUTS: Mapping[str, Callable[[Any], dict[str, Tensor]]] = {
    "UNet2DModel": _unet,
    "UNet2DConditionModel": _conditional,
    "AutoencoderKL": lambda config: {"sample": _maps(config)},
    "VQModel": lambda config: {"sample": _maps(config)},
    "ControlNetModel": _control,
    "DiTTransformer2DModel": _transformer,
}
"""Inputs of diffusers' models, by class name."""
