"""Converted models under what people do with models."""

import copy
import subprocess
import sys

import pytest
import torch
import torch.distributed
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from jinc import conversion, convert, restore

diffusers = pytest.importorskip("diffusers")

SIZES = {"sample_size": 16, "block_out_channels": (8, 16), "layers_per_block": 1}
X = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))


def unet(**settings) -> nn.Module:
    torch.manual_seed(0)
    blocks = {
        "down_block_types": ("DownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "UpBlock2D"),
        "add_attention": False,
    }
    return diffusers.UNet2DModel(**SIZES, **blocks, norm_num_groups=4, **settings)


def conditional(**settings) -> nn.Module:
    torch.manual_seed(0)
    usual = {**SIZES, "norm_num_groups": 4, "cross_attention_dim": 8, "attention_head_dim": 8}
    return diffusers.UNet2DConditionModel(**(usual | settings))


def gradients(model: nn.Module, x: Tensor = X) -> list[Tensor]:
    model(x, 5).sample.square().mean().backward()
    return [each.grad for each in model.parameters() if each.grad is not None]


@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_gradient_checkpointing(half) -> None:
    model = convert(unet())
    with torch.autocast("cpu", half, enabled=half is not None):
        expected = gradients(model)
        model.zero_grad()
        model.enable_gradient_checkpointing()
        torch.testing.assert_close(gradients(model), expected)


@pytest.mark.slow
def test_distributed_training(tmp_path) -> None:
    """Each of two processes has one of two images; the gradients are those of both."""
    command = [sys.executable, __file__, tmp_path]
    parts = [subprocess.Popen([*command, rank]) for rank in "01"]
    assert [each.wait(300) for each in parts] == [0, 0]
    expected = gradients(convert(unet(), padding="circular"))
    for rank in "01":
        found = load_file(tmp_path / rank)
        torch.testing.assert_close([found[str(n)] for n in range(len(expected))], expected)


def train_a_part(folder: str, rank: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=int(rank), world_size=2
    )
    model = DistributedDataParallel(convert(unet(), padding="circular"))
    found = gradients(model, X[int(rank)][None])
    save_file({str(n): gradient for n, gradient in enumerate(found)}, f"{folder}/{rank}")
    torch.distributed.destroy_process_group()


@torch.no_grad()
def test_other_precision_and_back() -> None:
    model = convert(unet())
    expected = model(X, 5).sample
    found = copy.deepcopy(model).double()(X.double(), 5).sample
    torch.testing.assert_close(found.float(), expected, atol=1e-4, rtol=1e-4)
    found = copy.deepcopy(model).bfloat16()(X.bfloat16(), 5).sample
    assert float((found - expected).std() / expected.std()) < 0.05
    taps = [each for name, each in model.named_buffers() if "jinc" in name]
    turned = [each for name, each in model.half().float().named_buffers() if "jinc" in name]
    assert all(torch.equal(a, b) for a, b in zip(taps, turned, strict=True))


@torch.no_grad()
def test_saved_models_are_the_same(tmp_path) -> None:
    model = convert(unet(), "D@12", padding="circular")
    expected = model(X, 5).sample
    model.save_pretrained(tmp_path)
    plain = diffusers.UNet2DModel.from_pretrained(tmp_path)
    assert list(plain.state_dict()) == list(model.state_dict())
    assert torch.equal(convert(plain, tmp_path)(X, 5).sample, expected)
    assert torch.equal(restore(plain)(X, 5).sample, restore(model)(X, 5).sample)


K_BLOCKS = {
    "down_block_types": ("KDownBlock2D", "KDownBlock2D"),
    "up_block_types": ("KUpBlock2D", "KUpBlock2D"),
    "mid_block_type": None,
    "block_out_channels": (32, 32),
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "resnet_time_scale_shift": "ada_group",
    "conv_in_kernel": 1,
    "conv_out_kernel": 1,
    "act_fn": "gelu",
}
OTHERS = {
    "classes": {
        "down_block_types": ("DownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "UpBlock2D"),
        "num_class_embeds": 3,
    },
    "K": K_BLOCKS,
    "simple": {
        "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
        "resnet_time_scale_shift": "scale_shift",
    },
}


@pytest.mark.parametrize("name", OTHERS)
@torch.no_grad()
def test_other_blocks(name) -> None:
    """IF has the simple ones; the class labels and texts are the example's."""
    model = conditional(**OTHERS[name])
    x, text = torch.cat([X, X[:, :1]], 1), torch.ones(2, 3, 8)
    labels = torch.tensor([0, 1]) if name == "classes" else None
    before = model(x, 5, text, class_labels=labels).sample
    left = conversion(convert(model)).left
    assert not [each for each in left if each.has_form]
    assert not [each for each in left if each.function in ("interpolate", "conv2d", "avg_pool2d")]
    after = model(x, 5, text, class_labels=labels).sample
    assert after.isfinite().all()
    assert not torch.allclose(after, before, atol=1e-3)
    assert torch.equal(restore(model)(x, 5, text, class_labels=labels).sample, before)


if __name__ == "__main__":
    train_a_part(*sys.argv[1:])
