"""The residual U-Net of DDPM and ADM, with injected resamplers and activations."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.nn.checks import check_designs, check_halvings, check_sizes
from jinc.nn.conditioning import Conditioning, embed, embeddings
from jinc.nn.convolutions import make_conv
from jinc.nn.layers import make_activation
from jinc.nn.levels import ConfigLike
from jinc.nn.network import Network, sinusoidal_embedding
from jinc.nn.resblocks import (
    ResAttention,
    ResBlock,
    Stage,
    group_norm,
    linear_downsample,
    linear_upsample,
    zeroed,
)
from jinc.signal.padding import Padding
from jinc.types import Images, Steps


class ResUNet(Network):
    """Predict ε, x0 or v; larger and better at it than the other networks.

    Args:
        config: name of a configuration (`D@6`), or of one for each level (`D@12,D@6`), or the
            configuration itself. The baseline of `A` is linear: means of 2×2 pixels on the way
            down, repeated pixels on the way up.
        channels: of the images, ≥ 1.
        width: channels that the multipliers multiply, even.
        multipliers: one a level, ≥ 1, the first at full resolution; each level halves the image.
        blocks: residual blocks at each level on the way down, ≥ 1; on the way up one more.
        attention_levels: levels with self-attention, besides the deepest; 0 is full resolution.
        dropout: share of the features that training drops in each branch, [0, 1).
        head_channels: of each attention head, ≥ 1.
        classes: number of class labels; 0 for none.
        augmentations: size of the augmentation input; 0 for none.
        beside: channels of other images that are concatenated with the noisy ones; 0 for none.
        padding: what lies beyond the edges, for filters and 3×3 convolutions: `zeros`, `reflect`
            or `circular`. The ideal filter is always circular.

    Source: Ho et al. 2020 (DDPM), appendix B; Dhariwal and Nichol 2021 (ADM), section 3.
    """

    kind: ClassVar[str] = "resunet"

    width: int
    blocks: int
    head_channels: int

    def __init__(
        self,
        config: ConfigLike = "D@6",
        *,
        channels: int = 3,
        width: int = 128,
        multipliers: Sequence[int] = (1, 2, 2, 2),
        blocks: int = 2,
        attention_levels: Sequence[int] = (1,),
        dropout: float = 0.0,
        head_channels: int = 64,
        classes: int = 0,
        augmentations: int = 0,
        beside: int = 0,
        padding: Padding = "zeros",
    ) -> None:
        super().__init__()
        sizes = {"channels": channels, "width": width, "blocks": blocks}
        sizes |= {"head_channels": head_channels, "classes": classes}
        sizes |= {"augmentations": augmentations, "beside": beside}
        least = {"channels": 1, "width": 2, "blocks": 1, "head_channels": 1}
        self.configure(config, padding, least, **sizes)
        _check_shape(width, multipliers, attention_levels, dropout)
        check_designs(self.config, len(multipliers), self.kind)
        self.multipliers, self.attention_levels = tuple(multipliers), tuple(attention_levels)
        self.dropout = dropout

        size = 4 * width
        self.time = nn.Sequential(nn.Linear(width, size), nn.SiLU(), nn.Linear(size, size))
        self.label_embedding, self.augment_embedding = embeddings(classes, augmentations, size)
        at = [width * multiplier for multiplier in multipliers]
        self.first = make_conv(self.config.at(0), channels + beside, at[0], padding, bias=True)
        self._build_levels(at)
        self.last = nn.Sequential(
            group_norm(at[0]),
            make_activation(self.config.at(0), padding, F.silu),
            zeroed(make_conv(self.config.at(0), at[0], channels, padding, bias=True)),
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it

    def _build_levels(self, at: list[int]) -> None:
        """Build all between the first and the last convolution; `at` has each level's channels."""
        padding, deep = self.padding, len(at) - 1
        designs = [self.config.at(level) for level in range(len(at))]
        block = partial(ResBlock, embedding=4 * self.width, padding=padding, dropout=self.dropout)

        def stage(ins: int, level: int, attends: bool) -> Stage:
            attend = ResAttention(at[level], self.head_channels) if attends else None
            same = designs[level]
            return Stage(block(ins, at[level], before=same, after=same), attend)

        steps = [*pairwise(designs)]
        self.halvings = nn.ModuleList(
            block(c, c, before=fine, after=coarse, resample=linear_downsample(fine, padding))
            for c, (fine, coarse) in zip(at[:-1], steps, strict=True)
        )
        self.doublings = nn.ModuleList(
            block(c, c, before=coarse, after=fine, resample=linear_upsample(fine, padding))
            for c, (fine, coarse) in zip(at[:0:-1], reversed(steps), strict=True)
        )
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        skips, ins = [at[0]], at[0]
        for level in range(len(at)):
            attends, stages = level in self.attention_levels, nn.ModuleList()
            for _ in range(self.blocks):
                stages.append(stage(ins, level, attends))
                ins = at[level]
                skips.append(ins)
            if level < deep:
                skips.append(ins)
            self.downs.append(stages)
        self.middle = nn.ModuleList(stage(at[deep], deep, attends) for attends in (True, False))
        for level in reversed(range(len(at))):
            attends, stages = level in self.attention_levels, nn.ModuleList()
            for _ in range(self.blocks + 1):
                stages.append(stage(ins + skips.pop(), level, attends))
                ins = at[level]
            self.ups.append(stages)

    def predict(self, x_t: Images, t: Steps, condition: Conditioning) -> Images:
        """Predict as `Network.forward` does."""
        steps = self.time(sinusoidal_embedding(t, self.width).to(self.first.weight.dtype))
        embedding = embed(condition, steps, self.label_embedding, self.augment_embedding)
        embedding = F.silu(embedding)
        x = self.first(condition.concatenated(x_t))
        skips = [x]
        for level, stages in enumerate(self.downs):
            if level:
                x = self.halvings[level - 1](x, embedding)
                skips.append(x)
            for stage in stages.children():
                x = stage(x, embedding)
                skips.append(x)
        for stage in self.middle:
            x = stage(x, embedding)
        for level, stages in enumerate(self.ups):
            if level:
                x = self.doublings[level - 1](x, embedding)
            for stage in stages.children():
                x = stage(torch.cat([x, skips.pop()], dim=1), embedding)
        predicted: Tensor = self.last(x)
        return predicted

    def check_size(self, height: int, width: int) -> None:
        """Refuse a size that the levels do not divide."""
        check_halvings(height, width, len(self.multipliers) - 1, "multipliers")


def _check_shape(
    width: int, multipliers: Sequence[int], attention_levels: Sequence[int], dropout: float
) -> None:
    if width % 2:
        raise JincError(f"width: {width} is odd; the embedding of steps has pairs of numbers")
    least = {"multipliers": 1, "attention_levels": 0}
    given = {"multipliers": multipliers, "attention_levels": attention_levels}
    for name, numbers in given.items():
        if not isinstance(numbers, (list, tuple)):
            raise JincError(f"{name}: {numbers!r} is no list of numbers")
        for number in numbers:
            check_sizes(least, {name: number})
    if not multipliers:
        raise JincError("multipliers: is empty, one number for each level is expected")
    check_sizes({"levels": 1}, {"levels": len(multipliers)})
    if max(attention_levels, default=0) >= len(multipliers):
        deepest = len(multipliers) - 1
        raise JincError(f"attention_levels: {max(attention_levels)} is beyond the last, {deepest}")
    if not 0 <= dropout < 1:
        raise JincError(f"dropout: {dropout} is outside [0, 1)")
