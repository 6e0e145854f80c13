"""Models are opened by where they are, whatever they are."""

import pytest
import torch

from jinc.errors import JincError
from jinc.models import Model, model_folder, open_model, open_upscaler


@pytest.fixture
def folder(make_model, tmp_path):
    """A model folder, inside of what looks like a run."""
    make_model(classes=2).save(tmp_path / "run" / "model")
    (tmp_path / "run" / "config.yaml").touch()
    return tmp_path / "run"


def test_a_run_is_its_model(folder) -> None:
    weights = []
    for source in (folder, folder / "model", str(folder)):
        model = open_model(source)
        assert isinstance(model, Model)
        assert model.class_names == ("class 0", "class 1")
        weights.append(model.network.state_dict())
    for name, weight in weights[0].items():
        assert all(torch.equal(weight, other[name]) for other in weights[1:])


def test_what_is_no_model(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    def refused(says: str, source: object, opens=open_model, **options: object) -> None:
        with pytest.raises(JincError, match=says) as told:
            opens(source, **options)
        assert "\n" not in str(told.value)

    refused("no such run or model folder", tmp_path / "nowhere")
    refused("no such run or model folder", "run/typo")  # looks like a name on the Hub
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "model_index.json").write_text("[]")
    refused("model_index.json: holds .., values by name", tmp_path / "odd")
    refused("is neither a run nor a model folder", tmp_path)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "config.json").write_text('{"_class_name": "UNet2DModel"}')
    refused("bare: has no weights", tmp_path / "bare")
    (tmp_path / "latent").mkdir()
    (tmp_path / "latent" / "model_index.json").write_text('{"vae": ["diffusers", "VAE"]}')
    refused("is a latent model .it has a vae.", tmp_path / "latent", open_upscaler)
    refused("is a model of images, not an upscaler", folder, open_upscaler)
    refused("embeddings: .* does not take texts", folder, embeddings="said.safetensors")
    refused("variant: .* has no variants", folder, variant="fp16")
    refused("device: 'toaster' cannot be used", folder, device="toaster")
    (tmp_path / "young").mkdir()
    (tmp_path / "young" / "config.yaml").touch()
    with pytest.raises(JincError, match="has no model yet"):
        model_folder(tmp_path / "young")
