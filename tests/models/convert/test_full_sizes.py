"""Networks of full size, without memory: every layer is found, and no key changes."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from jinc import conversion, convert, restore

diffusers = pytest.importorskip("diffusers")

CONVOLUTIONS = {"Conv2d": 3, "Upsample2D": 3}
SIMPLE = "SimpleCrossAttn{}Block2D"
SIZES: Mapping[str, tuple[str, dict[str, Any], int, dict[str, int]]] = {
    "Stable Diffusion 1.5": (
        "UNet2DConditionModel",
        {"cross_attention_dim": 768},
        860,
        CONVOLUTIONS | {"SiLU": 23},
    ),
    "Stable Diffusion's autoencoder": (
        "AutoencoderKL",
        {
            "block_out_channels": (128, 256, 512, 512),
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "layers_per_block": 2,
        },
        84,
        CONVOLUTIONS | {"SiLU": 26},
    ),
    "IF, stage 1, M": (
        "UNet2DConditionModel",
        {
            "sample_size": 64,
            "in_channels": 3,
            "out_channels": 6,
            "block_out_channels": (192, 384, 576, 768),
            "layers_per_block": 3,
            "down_block_types": ("ResnetDownsampleBlock2D", *(SIMPLE.format("Down"),) * 3),
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "up_block_types": (*(SIMPLE.format("Up"),) * 3, "ResnetUpsampleBlock2D"),
            "act_fn": "gelu",
            "attention_head_dim": 64,
            "cross_attention_dim": 768,
            "cross_attention_norm": "group_norm",
            "encoder_hid_dim": 4096,
            "encoder_hid_dim_type": "text_proj",
            "addition_embed_type": "text",
            "addition_embed_type_num_heads": 64,
            "resnet_time_scale_shift": "scale_shift",
            "resnet_skip_time_act": True,
            "only_cross_attention": (True, False, False, False),
            "mid_block_only_cross_attention": False,
        },
        370,
        {"AvgPool2d": 3, "Upsample2D": 3, "GELU": 37},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_every_layer_is_replaced_and_no_key_changes(name) -> None:
    kind, settings, millions, replaced = SIZES[name]
    with torch.device("meta"):
        model = getattr(diffusers, kind)(**settings).eval()
    keys = {key: value.shape for key, value in model.state_dict().items()}
    kinds = [type(each) for each in model.modules()]
    count = sum(each.numel() for each in model.parameters())
    assert count == pytest.approx(millions * 1e6, rel=0.03)
    made = conversion(convert(model, "D@12"))
    assert {key: value.shape for key, value in model.state_dict().items()} == keys
    assert sum(each.numel() for each in model.parameters()) == count
    assert {kind: count for (kind, _), count in made.replaced.items()} == replaced
    left = {each.function for each in made.left if not each.reason.startswith("3-D: tokens")}
    assert left <= {"scaled_dot_product_attention", "clamp", "exp"}  # the latter of variances
    assert [type(each) for each in restore(model).modules()] == kinds
