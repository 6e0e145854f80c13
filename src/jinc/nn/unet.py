"""The U-Net of arXiv 2411.09174 for every configuration, by injected resamplers and activations."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.nn.blocks import EMBEDDING, Down, SelfAttention, Up, double_conv
from jinc.nn.checks import check_designs, check_halvings
from jinc.nn.conditioning import Conditioning, embed, embeddings
from jinc.nn.levels import ConfigLike
from jinc.nn.network import Network, sinusoidal_embedding
from jinc.signal.padding import Padding
from jinc.types import Images, Steps


class UNet(Network):
    """Predict ε, x0 or v; the network of the paper, which predicts ε.

    Args:
        config: name of a configuration (`D@6`), or of one for each level (`D@12,D@6`), or the
            configuration itself.
        channels: of the images, ≥ 1.
        width: channels at the first level, a multiple of 4.
        levels: how often the image is halved, ≥ 1.
        classes: number of class labels; 0 for none.
        augmentations: size of the augmentation input; 0 for none.
        beside: channels of other images that are concatenated with the noisy ones; 0 for none.
        padding: what lies beyond the edges, for filters and 3×3 convolutions: `zeros`, `reflect`
            or `circular`. The ideal filter is always circular.

    Source: arXiv 2411.09174; three levels of width 32 are its network.
    """

    kind: ClassVar[str] = "unet"
    scale_aware: ClassVar[bool] = False

    width: int
    levels: int

    def __init__(
        self,
        config: ConfigLike = "D@6",
        *,
        channels: int = 3,
        width: int = 32,
        levels: int = 3,
        classes: int = 0,
        augmentations: int = 0,
        beside: int = 0,
        padding: Padding = "zeros",
    ) -> None:
        super().__init__()
        sizes = {"channels": channels, "width": width, "levels": levels}
        sizes |= {"classes": classes, "augmentations": augmentations, "beside": beside}
        self.configure(config, padding, {"channels": 1, "width": 4, "levels": 1}, **sizes)
        if width % 4:
            raise JincError(f"width: {width} is not a multiple of 4, one part for each head")
        check_designs(self.config, levels + 1)

        at = [width * 2 ** min(level, levels - 1) for level in range(levels + 1)]
        deep, designs = at[-1], [self.config.at(level) for level in range(levels + 1)]
        self.first = double_conv(channels + beside, width, designs[0], padding)
        self.downs = nn.ModuleList(
            Down(at[i], at[i + 1], designs[i], designs[i + 1], padding) for i in range(levels)
        )
        self.down_attentions = nn.ModuleList(SelfAttention(at[i + 1]) for i in range(levels))
        self.bottleneck = nn.Sequential(
            double_conv(deep, 2 * deep, designs[-1], padding),
            double_conv(2 * deep, 2 * deep, designs[-1], padding),
            double_conv(2 * deep, deep, designs[-1], padding),
        )
        # From the deepest up: each meets a skip as wide as itself.
        outs = [at[max(i - 1, 0)] for i in reversed(range(levels))]
        self.ups = nn.ModuleList(
            Up(2 * at[i], out, designs[i], padding)
            for i, out in zip(reversed(range(levels)), outs, strict=True)
        )
        self.up_attentions = nn.ModuleList(SelfAttention(out) for out in outs)
        self.last = nn.Conv2d(width, channels, 1)
        self.label_embedding, self.augment_embedding = embeddings(classes, augmentations, EMBEDDING)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it

    def predict(self, x_t: Images, t: Steps, condition: Conditioning) -> Images:
        """Predict as `Network.forward` does."""
        steps = sinusoidal_embedding(t, EMBEDDING).to(self.last.weight.dtype)
        embedding = embed(condition, steps, self.label_embedding, self.augment_embedding)
        x = self.first(condition.concatenated(x_t))
        skips = []
        for down, attend in zip(self.downs, self.down_attentions, strict=True):
            skips.append(x)
            x = attend(down(x, embedding))
        x = self.bottleneck(x)
        for up, attend in zip(self.ups, self.up_attentions, strict=True):
            x = attend(up(x, skips.pop(), embedding))
        eps: Tensor = self.last(x)
        return eps

    def check_size(self, height: int, width: int) -> None:
        """Refuse a size that the levels do not divide."""
        check_halvings(height, width, self.levels, "levels")
