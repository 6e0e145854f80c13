"""Public architectures as they are and converted: cost, and equivariance to half a pixel.

    python studies/architectures.py [NAME=FOLDER ...] --out results/architectures.json

Weights are random, for none can be published here; NAME=FOLDER gives those of one of the models
below, as its `save_pretrained` writes them. Inputs are white noise, one image; each model is
measured as it is, with circular padding alone, and converted to D@6, D@12 and D@12/0.2 with it.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from jinc import conversion, convert, restore
from jinc.files import write_json
from jinc.models.convert.effects import effects, sharing_weights
from jinc.models.convert.examples import inputs_of

CONFIGS = ("D@6", "D@12", "D@12/0.2")


def ddpm_cifar10() -> nn.Module:
    """google/ddpm-cifar10-32."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=32,
        block_out_channels=(128, 256, 256, 256),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-6,
        attention_head_dim=None,
    )


def adm_64() -> nn.Module:
    """ADM for ImageNet at 64×64, as openai/diffusers-cd_imagenet64_l2 has it."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=64,
        block_out_channels=(192, 384, 576, 768),
        layers_per_block=3,
        down_block_types=("ResnetDownsampleBlock2D", *("AttnDownBlock2D",) * 3),
        up_block_types=(*("AttnUpBlock2D",) * 3, "ResnetUpsampleBlock2D"),
        downsample_type="resnet",
        upsample_type="resnet",
        attention_head_dim=64,
        resnet_time_scale_shift="scale_shift",
        num_class_embeds=1000,
    )


def ncsnpp() -> nn.Module:
    """NCSN++ for CIFAR-10 with the sizes of EDM, in diffusers' blocks."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=32,
        block_out_channels=(256, 256, 256),
        layers_per_block=4,
        down_block_types=("SkipDownBlock2D", "AttnSkipDownBlock2D", "SkipDownBlock2D"),
        up_block_types=("SkipUpBlock2D", "AttnSkipUpBlock2D", "SkipUpBlock2D"),
        time_embedding_type="fourier",
        attention_head_dim=None,
    )


def deepfloyd() -> nn.Module:
    """DeepFloyd/IF-I-M-v1.0."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=64,
        in_channels=3,
        out_channels=6,
        block_out_channels=(192, 384, 576, 768),
        layers_per_block=3,
        down_block_types=("ResnetDownsampleBlock2D", *("SimpleCrossAttnDownBlock2D",) * 3),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=(*("SimpleCrossAttnUpBlock2D",) * 3, "ResnetUpsampleBlock2D"),
        act_fn="gelu",
        time_embedding_act_fn="gelu",
        resnet_time_scale_shift="scale_shift",
        attention_head_dim=64,
        cross_attention_dim=768,
        cross_attention_norm="group_norm",
        encoder_hid_dim=4096,
        addition_embed_type="text",
        addition_embed_type_num_heads=64,
    )


def transformer() -> nn.Module:
    """A transformer of pixels: DiT-S with patches of 2×2."""
    from diffusers import DiTTransformer2DModel

    return DiTTransformer2DModel(
        num_attention_heads=6,
        attention_head_dim=64,
        in_channels=3,
        num_layers=12,
        sample_size=32,
        patch_size=2,
    )


MODELS: dict[str, Callable[[], nn.Module]] = {
    "ddpm-cifar10-32": ddpm_cifar10,
    "adm-64": adm_64,
    "ncsnpp-32": ncsnpp,
    "if-i-m": deepfloyd,
    "dit-s-32": transformer,
}


def measured(name: str, folder: str | None) -> dict[str, Any]:
    """Measure an architecture, with weights of a folder if there is one."""
    torch.manual_seed(0)
    model: Any = MODELS[name]()
    if folder is not None:
        model = type(model).from_pretrained(folder, local_files_only=True)
    model.eval()
    versions: dict[str, nn.Module] = {"as it is": model}
    versions["circular padding"] = circular = sharing_weights(model)
    for each in circular.modules():
        if isinstance(each, nn.Conv2d) and any(each.padding):
            each.padding_mode = "circular"
            each._reversed_padding_repeated_twice = [p for p in each.padding[::-1] for _ in "12"]
    facts: dict[str, Any] = {
        "weights": folder or "random",
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    for config in CONFIGS:
        versions[config] = convert(sharing_weights(model), config, padding="circular")
        surgery = conversion(versions[config])
        facts["left"] = len(surgery.left)
        assert list(versions[config].state_dict()) == list(model.state_dict())
    found = effects(versions, inputs_of(model, None), rounds=3)
    restored = restore(versions[CONFIGS[0]])
    assert [type(m) for m in restored.modules()] == [type(m) for m in model.modules()]
    return facts | {"effects": {key: asdict(each) for key, each in found.items()}}


def table(found: dict[str, Any]) -> str:
    """Return the table of docs/convert.md; costs are those of convolutions and products."""
    costs = (f"cost {config}" for config in CONFIGS)
    head = ["", "parameters", "½ px as it is", "circular", *CONFIGS, *costs]
    rows = [head, ["---"] * len(head)]
    for name, facts in found.items():
        each = facts["effects"]
        base = each["as it is"]["gflop"]
        db = [each[v]["half_pixel_db"] for v in ("as it is", "circular padding", *CONFIGS)]
        ratios = [each[config]["gflop"] / base for config in CONFIGS]
        size = f"{facts['parameters'] / 1e6:.1f} M"
        rows.append([f"`{name}`", size, *(f"{x:.1f}" for x in db), *(f"{x:.2f}" for x in ratios)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Measure every architecture, and write JSON after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="*", metavar="NAME=FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    folders = dict(each.split("=", 1) for each in arguments.weights)
    found: dict[str, Any] = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for name in MODELS:
        if name not in found or folders.get(name, "random") != found[name]["weights"]:
            found[name] = measured(name, folders.get(name))
            write_json(arguments.out, found)
            print(table({name: found[name]}), flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
