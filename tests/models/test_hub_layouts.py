"""Pixel models as they lie on the Hub and in training folders: tiny, random, saved, read back."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub.utils import filter_repo_objects
from safetensors.torch import load_file

from jinc.errors import JincError
from jinc.models import SamplingPlan, from_diffusers, generate_images, open_model
from jinc.models.others import hub

diffusers = pytest.importorskip("diffusers")

STEM = "diffusion_pytorch_model"
T = torch.tensor([39, 7])


def unet(**options):
    torch.manual_seed(0)
    settings = {
        "sample_size": 8,
        "in_channels": 1,
        "out_channels": 1,
        "block_out_channels": (8, 8),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "down_block_types": ("DownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "UpBlock2D"),
    }
    return diffusers.UNet2DModel(**settings | options).eval()


def pipeline(network=None, **options):
    steps = diffusers.DDPMScheduler(num_train_timesteps=40, beta_end=0.3, **options)
    return diffusers.DDPMPipeline(network or unet(), steps)


@pytest.fixture
def folder(tmp_path):
    """A pipeline saved to a folder, to be changed."""
    pipeline().save_pretrained(tmp_path / "out")
    return tmp_path / "out"


def answer(source, **options):
    channels = unet().config.in_channels
    x_t = torch.randn(2, channels, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return from_diffusers(source, **options).denoiser()(x_t, T)


def refused(pattern, source, opens=open_model, **options):
    with pytest.raises(JincError, match=pattern) as told:
        opens(source, **options)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300 + len(str(source))


def as_bin(network: Path, variant: str = "") -> None:
    """Store the weights of a folder as a pickle, as older models have them."""
    file = network / f"{STEM}.safetensors"
    torch.save(load_file(file), network / f"{STEM}{variant}.bin")
    file.unlink()


def test_pickled_weights_are_the_same(folder):
    expected = answer(folder)
    as_bin(folder / "unet")
    assert torch.equal(answer(folder), expected)
    assert open_model(folder).image_size == (8, 8)


def test_weights_in_shards(folder):
    expected = answer(folder)
    for safe in (True, False):
        shutil.rmtree(folder / "unet")
        unet().save_pretrained(folder / "unet", max_shard_size="20KB", safe_serialization=safe)
        assert len([*(folder / "unet").glob(f"{STEM}-0*")]) > 1
        assert torch.equal(answer(folder), expected)


@pytest.mark.parametrize("safe", [True, False])
def test_half_precision_only_with_and_without_the_option(folder, safe):
    expected = answer(folder)
    shutil.rmtree(folder / "unet")
    unet().half().save_pretrained(folder / "unet", variant="fp16", safe_serialization=safe)
    half = answer(folder, variant="fp16")
    assert half.dtype == torch.float32
    assert 0 < float((half - expected).norm()) < 0.01 * float(expected.norm())
    with pytest.warns(UserWarning, match="unet: has fp16 weights only; they are read"):
        assert torch.equal(answer(folder), half)
    assert open_model(folder, variant="fp16").channels == 1
    refused("variant: .*unet has no bf16 weights; there are fp16", folder, variant="bf16")
    unet().save_pretrained(folder / "unet")
    assert torch.equal(answer(folder), expected)  # plain weights come first, without a word
    refused("no bf16 weights; there are plain ones and fp16", folder, variant="bf16")


def test_other_channels_are_refused_at_opening(tmp_path):
    for channels, says in ((4, "latent model without its decoder, or colour with alpha"), (2, "")):
        pipeline(unet(in_channels=channels, out_channels=channels)).save_pretrained(tmp_path)
        refused(
            f"images have {channels} channels, pixel models have 1 .grey. or 3.*{says}", tmp_path
        )


@pytest.mark.parametrize("beta_schedule", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_zero_terminal_snr(beta_schedule):
    options = {"beta_schedule": beta_schedule, "rescale_betas_zero_snr": True}
    model = from_diffusers(pipeline(prediction_type="v_prediction", **options))
    assert model.schedule.ends_in_pure_noise
    x_t = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        v = model.network(x_t, T)
        torch.testing.assert_close(model.denoiser()(x_t, T)[0], -v[0])  # at ᾱ = 0
    (*_, (_, last)) = generate_images(model, SamplingPlan(number=2, steps=3))
    assert last.x_t.isfinite().all()
    says = "rescale_betas_zero_snr does not go with prediction_type epsilon"
    refused(says, pipeline(**options), opens=from_diffusers)
    assert from_diffusers(pipeline(prediction_type="sample", **options)).prediction == "x0"


def test_a_checkpoint_of_the_training_script(folder):
    checkpoint = folder / "checkpoint-500"
    torch.manual_seed(1)
    for part in ("unet", "unet_ema"):
        unet().save_pretrained(checkpoint / part)
    (checkpoint / "optimizer.bin").write_bytes(b"never read")
    average = unet(norm_eps=0.5)
    average.save_pretrained(checkpoint / "unet_ema")
    expected = answer(pipeline(average))
    with pytest.warns(UserWarning, match=r"unet_ema and .*scheduler_config.json are read"):
        assert torch.equal(answer(checkpoint), expected)
    shutil.rmtree(checkpoint / "unet_ema")
    with pytest.warns(UserWarning, match=r"checkpoint-500/unet and "):
        assert torch.equal(answer(checkpoint), answer(folder))
    with pytest.warns(UserWarning, match=r"are read"):
        assert open_model(checkpoint / "unet").timesteps == 40
    shutil.copytree(folder / "scheduler", checkpoint / "scheduler")
    shutil.rmtree(folder / "scheduler")
    with pytest.warns(UserWarning, match=r"checkpoint-500/scheduler"):
        assert open_model(checkpoint).timesteps == 40
    shutil.rmtree(checkpoint / "scheduler")
    refused("a network alone has no noise schedule", checkpoint)


def test_a_network_beside_its_schedule(folder):
    expected = answer(folder)
    (folder / "scheduler" / "scheduler_config.json").rename(
        folder / "unet" / "scheduler_config.json"
    )
    assert torch.equal(answer(folder / "unet"), expected)


@pytest.mark.parametrize("kept", ["", ".fp16"])
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_only_existing_weights_are_downloaded(folder, tmp_path, monkeypatch, kept, kind):
    if kind == "bin":
        as_bin(folder / "unet", kept)
    else:
        (folder / "unet" / f"{STEM}.safetensors").rename(folder / "unet" / f"{STEM}{kept}.{kind}")
    (folder / "unet" / "run.py").touch()
    files = [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()]

    def snapshot_download(name, **options):
        for file in filter_repo_objects(files, **options):
            (tmp_path / "hub" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / file, tmp_path / "hub" / file)
        return str(tmp_path / "hub")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    place = hub.folder_of("owner/name", ("unet", "scheduler"), kept[1:] or None)
    there = sorted(file.name for file in (place / "unet").iterdir())
    assert there == ["config.json", f"{STEM}{kept}.{kind}"]
    shutil.rmtree(place)
    place = hub.folder_of("owner/name", ("unet", "scheduler"))
    assert (place / "unet" / f"{STEM}{kept}.{kind}").is_file()


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("scheduler/scheduler_config.json", {"num_train_timesteps": 10**18}, "is not from 1 to"),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": "40"}, "not a whole number"),
        ("scheduler/scheduler_config.json", {"beta_end": 10**400}, "beta_end: .* over 64 bits"),
        ("scheduler/scheduler_config.json", {"trained_betas": {"a": 1}}, "trained_betas"),
        ("scheduler/scheduler_config.json", {"prediction_type": ["v"]}, "predicts .'v'., not"),
        ("scheduler/scheduler_config.json", {"beta_schedule": "x" * 999}, "makes no schedule"),
        ("unet/config.json", {"layers_per_block": 10**9}, "layers_per_block: 1000000000 is larger"),
        ("unet/config.json", {"block_out_channels": [8, 10**18]}, "block_out_channels: 10+ is lar"),
        ("unet/config.json", {"down_block_types": ["DownBlock2D"] * 9999}, "a list of 9,999"),
        ("unet/config.json", {"block_out_channels": [2**16, 2**16]}, "cannot be read"),
        ("unet/config.json", {"sample_size": "big"}, "sample_size: 'big' is no height"),
        ("unet/config.json", {"sample_size": [8, 8, 8]}, "sample_size"),
        ("unet/config.json", {"_class_name": {"a": [1] * 999}}, "UNet2DModel is expected"),
        ("unet/config.json", {"quantization_config": {}}, "quantization_config is not supported"),
    ],
    ids=range(14),
)
def test_settings_beyond_all_use_are_refused(folder, file, change, says):
    settings = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(settings | change))
    refused(says, folder)


@pytest.mark.parametrize("name", ["diffusers_bin", "diffusers_zsnr"])
def test_models_of_real_users(cases, name):
    (*_, (_, last)) = generate_images(open_model(cases / name), SamplingPlan(number=2, steps=3))
    assert last.x_t.isfinite().all()
