"""A single-step denoiser reads back bit for bit, or says which file is damaged."""

import json

import pytest
import torch

from jinc.errors import JincError
from jinc.models import Model, SingleStep
from jinc.nn import CS180UNet

FILES = ("config.json", "denoiser.json", "model.safetensors")


@pytest.fixture
def denoiser() -> SingleStep:
    torch.manual_seed(0)
    network = CS180UNet("A", channels=1, width=2, image_size=8, timesteps=0)
    network(torch.randn(4, 1, 8, 8), torch.zeros(4))
    return SingleStep(network.eval(), (8, 8), 0.5)


def test_what_is_saved_is_what_is_loaded(tmp_path, denoiser) -> None:
    denoiser.save(tmp_path / "deep" / "folder")
    loaded = SingleStep.load(tmp_path / "deep" / "folder")
    assert {f.name for f in (tmp_path / "deep" / "folder").iterdir()} == {*FILES, "manifest.json"}
    assert (loaded.image_size, loaded.noise_std) == ((8, 8), 0.5)
    assert not loaded.network.training
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(loaded(x), denoiser(x))
    assert not loaded(x).requires_grad


def test_it_is_one_pass_of_its_network(denoiser) -> None:
    """Image by image, for in evaluation mode no image knows of another."""
    x = torch.rand(3, 1, 8, 8)
    each = torch.cat([denoiser(one[None]) for one in x])
    torch.testing.assert_close(denoiser(x), each)
    assert torch.equal(denoiser(x), denoiser.network(x, torch.zeros(3)))


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_no_flipped_bit_is_loaded(tmp_path, denoiser, name) -> None:
    denoiser.save(tmp_path / "model")
    file = tmp_path / "model" / name
    data = file.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 20)):
        flipped = bytearray(data)
        flipped[place] ^= 4
        file.write_bytes(flipped)
        with pytest.raises(JincError):
            SingleStep.load(tmp_path / "model")
    file.unlink()
    with pytest.raises(JincError, match=name):
        SingleStep.load(tmp_path / "model")


@pytest.mark.parametrize(
    "facts",
    [
        {"image_size": [8]},
        {"image_size": ["a", 8]},
        {"image_size": None},
        {"image_size": [16, 16]},
        {"noise_std": "much"},
        {"noise_std": None},
        {"noise_std": float("nan")},
        {"noise_std": float("inf")},
        {"noise_std": -0.5},
        [],
        3,
    ],
    ids=str,
)
def test_facts_that_do_not_fit(tmp_path, denoiser, facts, monkeypatch) -> None:
    denoiser.save(tmp_path)
    file = tmp_path / "denoiser.json"
    whole = json.loads(file.read_text())
    file.write_text(json.dumps(whole | facts if isinstance(facts, dict) else facts))
    monkeypatch.setattr("jinc.models.single_step.check_manifest", lambda _: None)
    with pytest.raises(JincError) as caught:
        SingleStep.load(tmp_path)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_one_kind_is_not_read_as_the_other(tmp_path, denoiser, make_model) -> None:
    denoiser.save(tmp_path / "one")
    make_model().save(tmp_path / "other")
    with pytest.raises(JincError, match=r"one: is a single-step denoiser"):
        Model.load(tmp_path / "one")
    with pytest.raises(JincError, match=r"other: is no single-step denoiser"):
        SingleStep.load(tmp_path / "other")
