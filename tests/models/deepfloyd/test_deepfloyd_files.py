"""Pipelines saved to folders and read back, by the Hub's names too, and what is refused."""

import json
import shutil
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from jinc.cli.info import info
from jinc.diffusion import SeededNoise, cfg, ddim, generate
from jinc.errors import JincError
from jinc.models import (
    PromptEncoder,
    PromptTable,
    from_diffusers,
    open_deepfloyd,
    open_deepfloyd_upscaler,
    open_prompt_encoder,
    write_prompts,
)

T = torch.tensor([7, 30])


@pytest.fixture(scope="module")
def prompts(tmp_path_factory, embeddings):
    """A file of prompts."""
    file = tmp_path_factory.mktemp("prompts") / "said.safetensors"
    write_prompts(file, PromptTable(embeddings), embeddings)
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_first):
    """A saved first stage; not to be changed."""
    path = tmp_path_factory.mktemp("first")
    make_first().save_pretrained(path)
    return path


@pytest.fixture
def own(folder, tmp_path):
    """A saved first stage to be damaged."""
    return shutil.copytree(folder, tmp_path / "own")


def refused(pattern, source, opens=open_deepfloyd, **options):
    options = options or {"embeddings": {"": torch.zeros(77, 16)}}
    with pytest.raises(JincError, match=pattern) as told:
        opens(source, **options)
    assert "\n" not in str(told.value)


def first_images(model):
    noise = SeededNoise(4, [0, 1])
    guided = cfg(model.prompted(["a cat", "a dog"]), model.prompted(["", ""]), 4.0)
    x_T = noise(torch.empty(2, 3, 8, 8))
    walk = {"method": ddim(1.0), "steps": 4, "noise": noise}
    return generate(model.limited(guided), model.schedule, x_T, **walk)


def second_images(model):
    low = torch.linspace(-1, 1, 96).view(2, 3, 4, 4)
    up = model.upscaling(low, ["a cat", "a dog"], 12, SeededNoise(9, [0, 1]))
    x_T = SeededNoise(4, [0, 1])(torch.empty(2, 3, 16, 16))
    return generate(model.limited(up), model.schedule, x_T, steps=4)


def test_the_first_stage_is_read_back(folder, make_first, embeddings, prompts):
    expected = first_images(open_deepfloyd(make_first(), embeddings=embeddings))
    for source in (folder, str(folder)):
        model = open_deepfloyd(source, embeddings=prompts)
        assert not model.network.training
        assert torch.equal(first_images(model), expected)


def test_the_second_stage_is_read_back(make_second, embeddings, prompts, tmp_path):
    pipeline = make_second()
    pipeline.save_pretrained(tmp_path)
    expected = second_images(open_deepfloyd_upscaler(pipeline, embeddings=embeddings))
    found = open_deepfloyd_upscaler(tmp_path, embeddings=prompts)
    assert torch.equal(second_images(found), expected)
    assert len(found.noising) == 30


def test_either_stage_says_what_it_is_without_a_text_encoder(folder, make_second, tmp_path, capsys):
    make_second().save_pretrained(tmp_path)
    for place, side in ((folder, 8), (tmp_path, 16)):
        info(place, json_=True)
        facts = json.loads(capsys.readouterr().out)
        assert (facts["takes"], facts["image_size"]) == ("texts", [side, side])


def test_a_variant_and_a_type(make_first, embeddings, tmp_path):
    pipeline = make_first()
    expected = first_images(open_deepfloyd(pipeline, embeddings=embeddings))
    pipeline.to(torch.bfloat16).save_pretrained(tmp_path, variant="bf16")
    with pytest.warns(UserWarning, match="unet: has bf16 weights only"):
        open_deepfloyd(tmp_path, embeddings=embeddings)
    model = open_deepfloyd(tmp_path, embeddings=embeddings, variant="bf16")
    assert next(model.network.parameters()).dtype == torch.float32
    assert (first_images(model) - expected).norm() < 0.2 * expected.norm()
    half = open_deepfloyd(tmp_path, embeddings=embeddings, variant="bf16", dtype=torch.bfloat16)
    assert next(half.network.parameters()).dtype == torch.bfloat16


def test_a_scheduler_made_of_ifs_settings_is_no_obstacle(
    make_first, make_scheduler, diffusers, embeddings
):
    ddim_of_if = diffusers.DDIMScheduler.from_config(make_scheduler().config)
    model = open_deepfloyd(make_first(ddim_of_if), embeddings=embeddings)
    expected = open_deepfloyd(make_first(), embeddings=embeddings)
    assert torch.equal(model.schedule.alpha_bars, expected.schedule.alpha_bars)
    assert torch.equal(first_images(model), first_images(expected))


def test_names_are_looked_for_on_the_hub(folder, embeddings, monkeypatch):
    asked = []

    def snapshot_download(name, **options):
        asked.append((name, options))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    model = open_deepfloyd("DeepFloyd/IF-I-M-v1.0", embeddings=embeddings)
    assert torch.equal(
        first_images(model), first_images(open_deepfloyd(folder, embeddings=embeddings))
    )
    refused("unet has no fp16 weights", "a/b", embeddings=embeddings, variant="fp16")
    assert [name for name, _ in asked] == ["DeepFloyd/IF-I-M-v1.0", "a/b"]

    def taken(options):
        """Which of the files of a repository would come."""
        files = [
            "model_index.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.bin",
            "unet/diffusion_pytorch_model.safetensors",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "unet/run.py",
            "scheduler/scheduler_config.json",
            "text_encoder/model-00001-of-00002.safetensors",
            "safety_checker/model.safetensors",
        ]
        from huggingface_hub.utils import filter_repo_objects

        return list(filter_repo_objects(files, **options))

    settings = ["model_index.json", "unet/config.json"]
    weights = "unet/diffusion_pytorch_model"
    last = "scheduler/scheduler_config.json"
    assert taken(asked[0][1]) == [*settings, f"{weights}.safetensors", last]
    assert taken(asked[1][1]) == [*settings, f"{weights}.fp16.safetensors", last]


def test_failed_downloads_are_reported(monkeypatch, tmp_path):
    def snapshot_download(name, **options):
        raise ConnectionError("no way\nout")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    refused(
        r"owner/name: no such folder, and the download from the Hub failed \(no way out\)",
        "owner/name",
    )
    for source in ("nothing", "a/b/c", "/a/b", "../up", "./a", tmp_path / "a"):
        refused("no such folder$", source)


def test_latent_models_are_refused(own, make_first, make_unet, make_scheduler, diffusers):
    vae = diffusers.AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, latent_channels=4)

    class Latent(diffusers.DiffusionPipeline):
        def __init__(self, unet, vae, scheduler):
            super().__init__()
            self.register_modules(unet=unet, vae=vae, scheduler=scheduler)

    latent = Latent(make_unet(in_channels=4, out_channels=4), vae, make_scheduler())
    refused("Latent: is a latent model .it has a vae.; pixel models only", latent)
    latent.save_pretrained(own)
    refused("is a latent model .it has a vae.; pixel models only", own)
    no_pixels = make_first(in_channels=4, out_channels=4)
    refused("images have 4 channels, .*; 4 are a latent model", no_pixels)


def test_stages_are_distinguished(
    make_first, make_second, make_pipeline, make_unet, make_scheduler
):
    one, two = make_first(), make_second()
    refused("is IF's second stage; see jinc upscale, open_deepfloyd_upscaler", two)
    refused("is IF's first stage; see jinc sample, open_deepfloyd", one, open_deepfloyd_upscaler)
    unnoised = make_pipeline(two.unet, make_scheduler())
    refused("has no image_noising_scheduler", unnoised, open_deepfloyd_upscaler)
    refused("makes 5 channels of 3", make_first(out_channels=5))
    refused("num_class_embeds=5", make_first(num_class_embeds=5))
    sizes = {"addition_embed_type": "image", "encoder_hid_dim": 32}
    refused("addition_embed_type='image' is not supported", make_first(**sizes))
    refused("sample_size", make_first(sample_size=None))
    refused("a pipeline, a folder or a name is expected, got UNet2DConditionModel", make_unet())


def test_pipelines_of_other_networks(diffusers, tmp_path):
    unet = diffusers.UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    pipeline = diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler())
    refused("a UNet2DConditionModel is expected, got UNet2DModel", pipeline)
    pipeline.save_pretrained(tmp_path)
    refused("holds a UNet2DModel, no UNet2DConditionModel; from_diffusers takes it", tmp_path)


def test_from_diffusers_names_the_right_function(folder):
    with pytest.raises(JincError, match=r"holds a UNet2DConditionModel.*open_deepfloyd takes it"):
        from_diffusers(folder)


def test_no_words_are_no_model(folder, make_first):
    for source in (folder, make_first()):
        refused("has no text encoder; give embeddings", source, embeddings=None)
        refused("has no text encoder", source, open_prompt_encoder, variant=None)


@pytest.mark.parametrize("damage", ["index", "config", "weights", "missing", "one", "scheduler"])
def test_damaged_folders_are_refused(own, damage):
    weights = own / "unet" / "diffusion_pytorch_model.safetensors"
    if damage == "index":
        (own / "model_index.json").unlink()
    elif damage == "config":
        (own / "unet" / "config.json").write_text("{")
    elif damage == "weights":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "missing":
        weights.unlink()
    elif damage == "one":
        tensors = load_file(weights)
        del tensors["conv_in.bias"]
        save_file(tensors, weights, {"format": "pt"})
    else:
        (own / "scheduler" / "scheduler_config.json").write_text("[]")
    told = {
        "index": "model_index.json: No such file",
        "config": "unet/config.json: is not valid JSON",
        "weights": "unet: cannot be read",
        "missing": "unet: has no weights",
        "one": "weight conv_in.bias is missing",
        "scheduler": "scheduler_config.json: holds .., values by name",
    }
    refused(told[damage], own)


def test_pickled_weights_are_the_same(own, embeddings):
    expected = first_images(open_deepfloyd(own, embeddings=embeddings))
    weights = own / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    assert torch.equal(first_images(open_deepfloyd(own, embeddings=embeddings)), expected)


def test_text_encoders_of_other_kinds_are_not_imported(own):
    index = json.loads((own / "model_index.json").read_text())
    for encoder in ("os.system", "GPT2Model"):
        index |= {"text_encoder": ["os", encoder], "tokenizer": ["transformers", "T5Tokenizer"]}
        (own / "model_index.json").write_text(json.dumps(index))
        refused(f"has a '{encoder}' and its 'T5Tokenizer'; T5EncoderModel", own, embeddings=None)


def test_words_are_read_from_their_folders(own, monkeypatch, letters, make_reader):
    """What transformers is asked for, by one that only listens."""
    index = json.loads((own / "model_index.json").read_text())
    index |= {
        "text_encoder": ["transformers", "T5EncoderModel"],
        "tokenizer": ["transformers", "T5Tokenizer"],
    }
    (own / "model_index.json").write_text(json.dumps(index))
    (own / "text_encoder").mkdir()
    (own / "text_encoder" / "config.json").write_text('{"attn_implementation": "owner/kernel"}')
    save_file({"shared.weight": torch.ones(2)}, own / "text_encoder" / "model.safetensors")
    asked, found = [], {"missing_keys": set()}

    def encoder(folder, **options):
        asked.append((folder, options))
        return make_reader(), found

    library = SimpleNamespace(
        T5Tokenizer=SimpleNamespace(from_pretrained=lambda folder, **_: letters),
        T5EncoderModel=SimpleNamespace(
            from_pretrained=encoder, config_class=SimpleNamespace(from_dict=dict)
        ),
    )
    monkeypatch.setitem(sys.modules, "transformers", library)
    model = open_deepfloyd(own, embeddings=None, dtype=torch.bfloat16)
    expected = PromptEncoder.of(letters, make_reader())
    assert torch.equal(model.embed("a cat"), expected("a cat"))
    assert torch.equal(open_prompt_encoder(own)("a cat"), expected("a cat"))
    (folder, options), _ = asked
    assert folder is None  # nothing can be found or run that is not handed over
    assert options["attn_implementation"] == "eager"
    assert options["state_dict"]["shared.weight"].tolist() == [1, 1]
    assert (options["dtype"], "trust_remote_code" in options) == (torch.bfloat16, False)
    found["missing_keys"].add("shared.weight")
    refused("text_encoder: .*weight shared.weight is missing", own, embeddings=None)
    del library.T5Tokenizer
    refused("tokenizer: cannot be read", own, embeddings=None)


def test_what_is_not_installed_is_named(own, monkeypatch):
    index = json.loads((own / "model_index.json").read_text())
    index |= {
        "text_encoder": ["transformers", "T5EncoderModel"],
        "tokenizer": ["transformers", "T5Tokenizer"],
    }
    (own / "model_index.json").write_text(json.dumps(index))
    monkeypatch.setitem(sys.modules, "transformers", None)
    refused(r'text encoder: needs pip install "jinc\[diffusers\]"', own, embeddings=None)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    refused(r'open_deepfloyd: needs pip install "jinc\[diffusers\]"', own)
