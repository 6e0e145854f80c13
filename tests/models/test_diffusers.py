"""Tiny models of diffusers, random, saved to folders and read back, are models of ours."""

import json
import sys

import pytest
import torch

from jinc.diffusion import Schedule, ddim, generate, x0_of
from jinc.errors import JincError
from jinc.models import DiffusersNetwork, Model, SamplingPlan, from_diffusers, generate_images
from jinc.models.convert import convert
from jinc.nn import Conditioning, load_network

diffusers = pytest.importorskip("diffusers")

PREDICTIONS = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
T = torch.tensor([7, 7, 3])


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


def scheduler(name="DDPMScheduler", **options):
    return getattr(diffusers, name)(num_train_timesteps=40, beta_end=0.3, **options)


def pipeline(network=None, **options):
    return diffusers.DDPMPipeline(network or unet(), scheduler(**options))


def images(channels=1):
    return torch.randn(3, channels, 8, 8, generator=torch.Generator().manual_seed(1))


def refused(pattern, *source):
    with pytest.raises(JincError, match=pattern) as told:
        from_diffusers(*source)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("theirs", "ours"), PREDICTIONS.items())
def test_every_kind_of_prediction(theirs, ours):
    network = unet()
    model = from_diffusers(network, scheduler(prediction_type=theirs))
    with torch.no_grad():
        output = network(images(), T).sample
        found = model.denoiser()(images(), T)
    assert model.prediction == ours
    torch.testing.assert_close(found, x0_of(model.schedule, ours, images(), T, output))


@pytest.mark.parametrize("beta_schedule", ["linear", "scaled_linear", "squaredcos_cap_v2"])
@pytest.mark.parametrize("name", ["DDPMScheduler", "DDIMScheduler", "DPMSolverMultistepScheduler"])
def test_the_schedule_is_theirs(name, beta_schedule):
    theirs = scheduler(name, beta_schedule=beta_schedule)
    found = from_diffusers(unet(), theirs).schedule.alpha_bars
    torch.testing.assert_close(found, theirs.alphas_cumprod.double(), rtol=0, atol=1e-6)
    if beta_schedule == "linear":
        ours = Schedule.linear(T=40, beta_start=1e-4, beta_end=0.3).alpha_bars
        torch.testing.assert_close(found, ours, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["DDPMPipeline", "DDIMPipeline"])
def test_a_folder_is_read_back(kind, tmp_path):
    whole = getattr(diffusers, kind)(unet(), scheduler(prediction_type="v_prediction"))
    whole.save_pretrained(tmp_path / "whole")
    whole.unet.save_pretrained(tmp_path / "network")
    whole.save_pretrained(tmp_path / "flat")  # as google/ddpm-cifar10-32 is kept
    for part in ("unet", "scheduler"):
        for file in (tmp_path / "flat" / part).iterdir():
            file.rename(tmp_path / "flat" / file.name)
        (tmp_path / "flat" / part).rmdir()
    answers = []
    sources = [(whole,), (str(tmp_path / "network"), whole.scheduler)]
    sources += [(tmp_path / "whole",), (tmp_path / "flat",)]
    for source in sources:
        model = from_diffusers(*source)
        assert model.image_size == (8, 8)
        assert model.network.channels == 1
        assert (model.class_names, model.timesteps, model.prediction) == ((), 40, "v")
        assert not model.network.training
        with torch.no_grad():
            answers.append(model.denoiser()(images(), T))
    assert all(torch.equal(answers[0], answer) for answer in answers[1:])
    (tmp_path / "alone").mkdir()
    (tmp_path / "network").rename(tmp_path / "alone" / "network")
    refused("no noise schedule; put .* beside its config.json$", tmp_path / "alone" / "network")


def test_its_samples_are_those_of_its_pipeline():
    """DDIM, all levels, clipped nowhere: one loop is theirs, the other ours."""
    network, steps = unet(), scheduler("DDIMScheduler", clip_sample=False)
    model = from_diffusers(diffusers.DDIMPipeline(network, steps))
    steps.set_timesteps(40)
    x = images()
    with torch.no_grad():
        for t in steps.timesteps:
            x = steps.step(network(x, t).sample, t, x).prev_sample
    ours = generate(model.denoiser(), model.schedule, images(), method=ddim())
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


def test_a_learned_variance_is_dropped():
    network = unet(in_channels=3, out_channels=6)
    model = from_diffusers(network, scheduler(variance_type="learned_range"))
    with torch.no_grad():
        mean = network(images(3), T).sample[:, :3]
        found = model.denoiser()(images(3), T)
    assert model.network.channels == 3
    torch.testing.assert_close(found, x0_of(model.schedule, "eps", images(3), T, mean))


def test_classes_are_numbers():
    network = unet(num_class_embeds=5)
    model = from_diffusers(pipeline(network))
    labels = torch.tensor([0, 4, 2])
    with torch.no_grad():
        output = network(images(), T, labels).sample
        found = model.denoiser(labels)(images(), T)
    assert model.class_names == ("0", "1", "2", "3", "4")
    torch.testing.assert_close(found, x0_of(model.schedule, "eps", images(), T, output))
    for missing in (None, torch.tensor([0, -1, 2])):
        with pytest.raises(JincError, match="one of 0 to 4 for every image"):
            model.denoiser(missing)(images(), T)
    with pytest.raises(JincError, match="without classes"):
        from_diffusers(pipeline()).denoiser(labels)(images(), T)


def test_it_generates_as_our_models_do():
    model = from_diffusers(pipeline(unet(num_class_embeds=2)))
    plan = SamplingPlan(number=2, steps=2, prompts=("0", "1"))
    (*_, (numbers, last)) = generate_images(model, plan)
    assert (list(numbers), last.t) == ([0, 1], -1)
    assert last.x_t.shape == (2, 1, 8, 8)


@pytest.mark.parametrize("config", ["A", "D@6"])
@pytest.mark.parametrize("classes", [None, 3])
def test_it_is_saved_as_ours(config, classes, tmp_path):
    network = unet(num_class_embeds=classes)
    if config != "A":
        convert(network, config, padding="circular", designs={"mid_block.*": "A"})
    steps = diffusers.DDIMScheduler(num_train_timesteps=40, prediction_type="v_prediction")
    theirs = from_diffusers(network, steps)
    theirs.save(tmp_path / "model")
    ours = Model.load(tmp_path / "model")
    labels = None if classes is None else torch.tensor([0, 2, 1])
    with torch.no_grad():
        outputs = [each.network(images(), T, Conditioning(labels)) for each in (ours, theirs)]
        answers = [each.denoiser(labels)(images(), T) for each in (ours, theirs)]
    assert torch.equal(*outputs)
    torch.testing.assert_close(*answers, rtol=1e-4, atol=1e-4)
    assert (ours.schedule_name, ours.scale_betas, ours.prediction) == ("linear", False, "v")
    assert ours.network.config.name == config
    assert ours.network.state_dict().keys() == theirs.network.state_dict().keys()


def test_a_schedule_without_a_name_is_not_saved(tmp_path):
    with pytest.raises(JincError, match="schedule: linear of its scheduler is none of linear"):
        from_diffusers(pipeline()).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"block_out_channels": [8, 1 << 30]}, "is larger than"),
        ({"down_block_types": ["NoBlock", "DownBlock2D"]}, "makes no network"),
        ({"block_out_channels": [16, 16]}, "has shape"),
        ({"num_class_embeds": 2}, "is missing"),
        ({"auto_map": {"a": "b"}}, "nothing it names is run"),
    ],
)
def test_a_changed_architecture_is_refused(changed, says, tmp_path):
    DiffusersNetwork.of(unet()).save(tmp_path)
    facts = json.loads((tmp_path / "config.json").read_text())
    facts["architecture"] |= changed
    (tmp_path / "config.json").write_text(json.dumps(facts))
    with pytest.raises(JincError, match=says) as told:
        load_network(tmp_path)
    assert "\n" not in str(told.value)


def test_other_models_are_refused(tmp_path):
    vae = diffusers.AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, latent_channels=2)
    latent = diffusers.DiTPipeline(diffusers.DiTTransformer2DModel(2, 2), vae, scheduler())
    refused("DiTPipeline: is a latent model .it has a vae.; pixel models only", latent)
    latent.save_config(tmp_path)
    refused("is a latent model", tmp_path)
    refused("UNet2DModel is expected, got AutoencoderKL", vae, scheduler())
    refused("give scheduler", unet())
    refused("another way", unet(), diffusers.FlowMatchEulerDiscreteScheduler())
    refused("no plain denoiser", unet(in_channels=3), scheduler())
    refused("no class", unet(class_embed_type="timestep"), scheduler())
    refused("σ", unet(time_embedding_type="fourier"), scheduler())
    refused("sample_size", unet(sample_size=None), scheduler())
    refused("image_size: 9×8", unet(sample_size=(9, 8)), scheduler())
    refused("rescale_betas_zero_snr .* epsilon", unet(), scheduler(rescale_betas_zero_snr=True))


def test_damaged_folders_are_refused(tmp_path, monkeypatch):
    refused("no-such/config.json: No such file", tmp_path / "no-such")
    (tmp_path / "config.json").write_text("[1]")
    refused("holds .1., values by name", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel"}))
    refused("holds a UNet2DConditionModel", tmp_path)
    unet().save_pretrained(tmp_path)
    (tmp_path / "diffusion_pytorch_model.safetensors").write_bytes(b"damaged")
    refused("is damaged, or no safetensors file", tmp_path)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    refused(r'needs pip install "jinc\[diffusers\]"', tmp_path)
