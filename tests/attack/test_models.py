"""Models made by somebody who means harm: whatever they name or hold, nothing of it is run."""

import builtins
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from jinc.errors import JincError
from jinc.models import load_official, open_model, read_prompts

diffusers = pytest.importorskip("diffusers")

STEM = "diffusion_pytorch_model"
MARK = "ran"
CODE = f"__import__('pathlib').Path({MARK!r}).touch()"


class Runs:
    """An object that calls something when it is read from a pickle."""

    def __init__(self, call: object, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


CALLS = {
    "touch": Runs(Path.touch, Path(MARK)),
    "system": Runs(os.system, f"touch {MARK}"),
    "eval": Runs(builtins.eval, CODE),
    "exec": Runs(builtins.exec, CODE),
    "open": Runs(builtins.open, MARK, "w"),
    "process": Runs(subprocess.call, ["touch", MARK]),
    "import": Runs(__import__, "evil"),
    "pickle in a pickle": Runs(pickle.loads, pickle.dumps(Runs(builtins.eval, CODE))),
}


def pickled(file: Path, call: str, form: str) -> None:
    """Write weights, and beside them an object that runs code, in one of three formats."""
    content = {"state_dict": {"a": torch.ones(1)}, "b": CALLS[call]}
    if form == "pickle":
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=form == "archive")


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory):
    """A tiny pipeline saved to a folder, not to be changed."""
    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=2,
        block_out_channels=(4, 4),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    folder = tmp_path_factory.mktemp("pipeline")
    steps = diffusers.DDPMScheduler(num_train_timesteps=10)
    diffusers.DDPMPipeline(unet, steps).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(pipeline, tmp_path, monkeypatch):
    """A copy in the working folder, in which code lies ready to be imported."""
    folder = Path(shutil.copytree(pipeline, tmp_path / "model"))
    for place in (tmp_path, folder, folder / "unet"):
        for name in ("evil.py", "pipeline.py", "sitecustomize.py", "model.py"):
            (place / name).write_text(f"{CODE}\nclass Evil: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def harmless(open_it, *arguments):
    """Open a model, or refuse it in one line; run nothing of it in either case."""
    try:
        open_it(*arguments)
    except JincError as error:
        assert "\n" not in str(error)  # noqa: PT017
    assert not Path(MARK).exists()
    assert "evil" not in sys.modules


@pytest.mark.parametrize("form", ["pickle", "archive", "old"])
def test_pickles(folder, form):
    (folder / "unet" / f"{STEM}.safetensors").unlink()
    for call in CALLS:
        pickled(folder / "unet" / f"{STEM}.bin", call, form)
        with pytest.raises(JincError):
            open_model(folder)
        harmless(open_model, folder)
        pickled(folder / "x.pt", call, form)
        for read in (load_official, read_prompts):
            harmless(read, folder / "x.pt")


INDEX, UNET = "model_index.json", "unet/config.json"
STEPS = "scheduler/scheduler_config.json"


def test_settings(folder):
    whole = {name: (folder / name).read_text() for name in (INDEX, UNET, STEPS)}
    for name, change in (
        (INDEX, {"_class_name": "Evil"}),
        (INDEX, {"_class_name": ["evil", "Evil"]}),
        (INDEX, {"custom_pipeline": "evil"}),
        (INDEX, {"custom_pipeline": "owner/evil", "trust_remote_code": True}),
        (INDEX, {"unet": ["evil", "Evil"]}),
        (INDEX, {"unet": ["evil", "UNet2DConditionModel"]}),
        (INDEX, {"scheduler": ["evil", "Evil"]}),
        (INDEX, {"scheduler": ["os", "system"]}),
        (INDEX, {"extra": ["evil", "Evil"]}),
        (INDEX, {"_diffusers_version": CODE}),
        (INDEX, {"auto_map": {"AutoModel": "evil.Evil"}}),
        (UNET, {"_class_name": "evil.Evil"}),
        (UNET, {"_class_name": "UNet2DModel", "auto_map": {"AutoModel": "evil.Evil"}}),
        (UNET, {"quantization_config": {"quant_method": "evil"}}),
        (UNET, {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}),
        (UNET, {"act_fn": CODE}),
        (UNET, {"act_fn": "evil.Evil"}),
        (UNET, {"down_block_types": ["evil.Evil", "DownBlock2D"]}),
        (UNET, {"mid_block_type": "evil.Evil"}),
        (UNET, {"attn_implementation": "owner/evil"}),
        (UNET, {"_attn_implementation": "owner/evil"}),
        (UNET, {"attention_backend": "owner/evil"}),
        (UNET, {"_name_or_path": "owner/evil", "custom_pipeline": "evil"}),
        (UNET, {"_use_default_values": [CODE]}),
        (STEPS, {"_class_name": "evil.Evil"}),
        (STEPS, {"_class_name": CODE}),
        (STEPS, {"beta_schedule": CODE}),
        (STEPS, {"trained_betas": CODE}),
        (STEPS, {"prediction_type": CODE}),
        (STEPS, {"num_train_timesteps": CODE}),
    ):
        (folder / name).write_text(json.dumps(json.loads(whole[name]) | change))
        harmless(open_model, folder)
        (folder / name).write_text(whole[name])


@pytest.mark.parametrize(
    "shard",
    ["../outside.bin", "../../outside.bin", "/{}/outside.bin", "evil.py", "..", "", 3, None],
)
def test_indexes_name_files_beside_them_only(folder, tmp_path, shard):
    (folder / "unet" / f"{STEM}.safetensors").unlink()
    for place in (tmp_path, folder):
        pickled(place / "outside.bin", "touch", "archive")
    named = shard.format(tmp_path) if isinstance(shard, str) else shard
    index = {"metadata": {}, "weight_map": {"conv_in.weight": named}}
    (folder / "unet" / f"{STEM}.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(JincError, match="which is no file beside it"):
        open_model(folder)
    harmless(open_model, folder)


@pytest.mark.parametrize("name", [f"unet/{STEM}.bin", UNET, STEPS, INDEX])
def test_links_to_pickles_elsewhere(folder, tmp_path, name):
    pickled(tmp_path / "outside", "touch", "pickle")
    (folder / "unet" / f"{STEM}.safetensors").unlink()
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "outside")
    with pytest.raises(JincError):
        open_model(folder)
    harmless(open_model, folder)


def test_weights_that_say_more_than_weights(folder):
    file = folder / "unet" / f"{STEM}.safetensors"
    weights = load_file(file)
    save_file(weights, file, {"format": "pt", "__reduce__": CODE, "custom_pipeline": "evil"})
    assert open_model(folder).channels == 1
    pickled(folder / "unet" / f"{STEM}.bin", "touch", "archive")  # safetensors come first
    assert open_model(folder).channels == 1
    harmless(open_model, folder)
    pickled(file, "touch", "pickle")  # a pickle by another name
    with pytest.raises(JincError):
        open_model(folder)
    harmless(open_model, folder)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_programs_in_the_place_of_weights(folder):
    (folder / "unet" / f"{STEM}.safetensors").unlink()
    program = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
    torch.jit.save(program, folder / "unet" / f"{STEM}.bin")
    with pytest.raises(JincError, match="TorchScript program, which is not run"):
        open_model(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"attn_implementation": "owner/evil"},
        {"_attn_implementation": "kernels-community/evil"},
        {"_attn_implementation_internal": "owner/evil:Evil"},
        {"attn_implementation": "flash_attention_2"},
        {"auto_map": {"AutoModel": "evil.Evil"}},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"transformers_weights": "adapter_model.bin"},
        {"architectures": ["evil.Evil"], "model_type": "evil"},
        {"feed_forward_proj": CODE},
    ],
    ids=str,
)
def test_text_encoders(folder, monkeypatch, change):
    """Settings of a text encoder that name a kernel, code, or other files."""
    transformers = pytest.importorskip("transformers")
    from jinc.models.others.deepfloyd_parts import Stored, _text_encoder

    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 16}
    place = folder / "text_encoder"
    transformers.T5EncoderModel(transformers.T5Config(**sizes)).save_pretrained(place)
    (place / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/evil"}')
    pickled(place / "adapter_model.bin", "touch", "pickle")
    settings = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(settings | change))
    for name in ("lazy_import_flash_attention", "kernelize"):
        monkeypatch.setattr(
            f"transformers.modeling_utils.{name}", lambda *_, **__: Path(MARK).touch()
        )
    harmless(_text_encoder, transformers.T5EncoderModel, place, Stored())
