"""Low-rank adapters of peft on converted models: the same before and after, and undone."""

import copy
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from jinc import convert, restore

diffusers = pytest.importorskip("diffusers")
peft = pytest.importorskip("peft", reason="peft is not installed")

LORA = peft.LoraConfig(
    r=2,
    target_modules=["conv_in", "conv1", "conv", "to_q", "to_v"],
    init_lora_weights="gaussian",
)
SIZES = {"sample_size": 16, "block_out_channels": (8, 16), "layers_per_block": 1}
X = torch.randn(2, 4, 16, 24, generator=torch.Generator().manual_seed(0))
KINDS = {
    "unet": lambda: diffusers.UNet2DModel(
        **SIZES,
        in_channels=4,
        down_block_types=("AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D"),
        norm_num_groups=4,
        downsample_padding=0,
    ),
    "conditional": lambda: diffusers.UNet2DConditionModel(
        **SIZES,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=4,
        cross_attention_dim=8,
        attention_head_dim=8,
    ),
}


close = partial(torch.testing.assert_close, atol=1e-5, rtol=1e-5)
FIRST = ["convert", "adapt"]


def made(kind: str) -> nn.Module:
    torch.manual_seed(0)
    return KINDS[kind]()


def called(model: nn.Module, kind: str) -> Tensor:
    texts = [torch.ones(2, 3, 8)] if kind == "conditional" else []
    return model(X, 5, *texts).sample


def train(model: nn.Module, kind: str) -> None:
    """Train a step, which adapters alone take part in."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1)
    called(model, kind).square().mean().backward()
    found = [name for name, each in model.named_parameters() if each.grad is not None]
    assert found
    assert all("lora" in name for name in found)
    optimizer.step()


def assert_original(model: nn.Module, kind: str) -> None:
    """Same classes; outputs differ by rounding, as attention does where weights are trained."""
    original = made(kind)
    assert [type(each) for each in model.modules()] == [type(each) for each in original.modules()]
    close(called(model, kind), called(original, kind))


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("kind", KINDS)
def test_adapters_of_peft(kind, first, tmp_path) -> None:
    """Adapters give what they give once merged, and the same in either order."""
    model = made(kind)
    if first == "convert":
        convert(model, padding="circular")
    whole = peft.get_peft_model(model, LORA)
    if first == "adapt":
        convert(model, padding="circular")
    train(whole, kind)
    result = called(whole, kind)
    whole.save_pretrained(tmp_path)

    loaded = peft.PeftModel.from_pretrained(convert(made(kind), padding="circular"), tmp_path)
    original = peft.PeftModel.from_pretrained(made(kind), tmp_path)
    close(called(loaded, kind), result)
    close(called(restore(copy.deepcopy(whole)), kind), called(original, kind))
    assert_original(restore(loaded).unload(), kind)

    merged = convert(original.merge_and_unload(), padding="circular")
    for each in (merged, whole.merge_and_unload()):
        close(called(each, kind), result)


@pytest.mark.parametrize("first", FIRST)
def test_adapters_of_diffusers(first, tmp_path) -> None:
    kind = "conditional"
    model = made(kind)
    if first == "convert":
        convert(model)
    model.add_adapter(LORA)
    if first == "adapt":
        convert(model)
    train(model, kind)
    result = called(model, kind)
    model.save_lora_adapter(tmp_path, weight_name="adapter.safetensors")
    loaded = convert(made(kind))
    loaded.load_lora_adapter(tmp_path, prefix=None, weight_name="adapter.safetensors")
    close(called(loaded, kind), result)
    loaded.fuse_lora()
    close(called(loaded, kind), result)
    model.unload_lora()
    assert_original(restore(model), kind)
