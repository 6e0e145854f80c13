"""A model folder reads back bit for bit, or says which file is damaged."""

import json
from dataclasses import replace

import pytest
import torch

from jinc.diffusion import target
from jinc.errors import JincError
from jinc.models import Model
from jinc.nn import CS180UNet, ResUNet, UNet, parse_config

FILES = ("config.json", "diffusion.json", "model.safetensors")


@pytest.mark.parametrize(
    ("config", "classes", "prediction"),
    [
        ("A", 0, "eps"),
        ("D@6", 3, "x0"),
        ("B@ideal", 3, "v"),
        ("D+norm-2N", 0, "flow"),
        ("C-1/6", 0, "eps"),
    ],
)
def test_what_is_saved_is_what_is_loaded(tmp_path, make_model, config, classes, prediction) -> None:
    model = make_model(config, channels=3, classes=classes, prediction=prediction)
    model.save(tmp_path / "deep" / "folder")
    loaded = Model.load(tmp_path / "deep" / "folder")
    assert {f.name for f in (tmp_path / "deep" / "folder").iterdir()} == {*FILES, "manifest.json"}
    assert loaded.network.arguments() == model.network.arguments()
    facts = ("image_size", "class_names", "schedule_name", "timesteps", "prediction")
    assert [getattr(loaded, f) for f in facts] == [getattr(model, f) for f in facts]
    assert torch.equal(loaded.schedule.alpha_bars, model.schedule.alpha_bars)
    saved = model.network.state_dict()
    assert list(saved) == list(loaded.network.state_dict())
    for name, weight in loaded.network.state_dict().items():
        assert torch.equal(weight, saved[name])
    x, t = torch.randn(2, 3, 8, 8), torch.tensor([1, 11])
    labels = torch.tensor([0, 2]) if classes else None
    assert torch.equal(loaded.denoiser(labels)(x, t), model.denoiser(labels)(x, t))
    assert not loaded.network.training


def test_a_design_without_a_name_is_kept(tmp_path, make_model) -> None:
    config = replace(parse_config("D@6"), gain=2.0)
    model = replace(make_model(), network=UNet(config, channels=1, width=4, levels=1))
    model.save(tmp_path)
    assert Model.load(tmp_path).network.config.at(0) == config


@pytest.mark.parametrize(
    "network",
    [
        ResUNet(channels=1, width=4, multipliers=(1, 2), blocks=1, classes=3, augmentations=2),
        CS180UNet(channels=1, width=2, image_size=8, classes=3, timesteps=12),
    ],
    ids=lambda network: network.kind,
)
def test_networks_of_every_kind_are_kept(tmp_path, make_model, network) -> None:
    """Running means of a BatchNorm included."""
    network(torch.randn(4, 1, 8, 8), torch.zeros(4))
    replace(make_model(classes=3), network=network.eval()).save(tmp_path)
    loaded = Model.load(tmp_path).network
    assert type(loaded) is type(network)
    assert loaded.arguments() == network.arguments()
    found = loaded.state_dict()
    assert all(torch.equal(found[name], t) for name, t in network.state_dict().items())


def test_saving_twice_gives_the_same_bytes(tmp_path, make_model) -> None:
    for folder in ("a", "b"):
        make_model().save(tmp_path / folder)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_names_of_classes_are_any_text(tmp_path, make_model) -> None:
    model = replace(make_model(classes=3), class_names=("blåbær", "猫", "a\nb"))
    model.save(tmp_path)
    assert Model.load(tmp_path).class_names == model.class_names


def refused(folder, name: str) -> None:
    with pytest.raises(JincError) as caught:
        Model.load(folder)
    assert str(caught.value).startswith(str(folder / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_missing_and_truncated_files_are_named(tmp_path, make_model, name) -> None:
    make_model(classes=3).save(tmp_path)
    data = (tmp_path / name).read_bytes()
    for length in (0, 1, 9, len(data) // 2, len(data) - 3):
        (tmp_path / name).write_bytes(data[:length])
        refused(tmp_path, name)
    (tmp_path / name).unlink()
    refused(tmp_path, name)


def test_a_flipped_bit_in_the_head_of_the_weights(tmp_path, make_model) -> None:
    make_model().save(tmp_path)
    file = tmp_path / "model.safetensors"
    data = file.read_bytes()
    weights = {name: w.clone() for name, w in Model.load(tmp_path).network.state_dict().items()}
    head = 8 + int.from_bytes(data[:8], "little")
    for at in [*range(8), *range(8, head, 89)]:
        for bit in (at % 8, 6):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            file.write_bytes(flipped)
            complaint = complaint_about(tmp_path)
            if complaint:
                assert str(file) in complaint
                assert "\n" not in complaint
                continue
            loaded = Model.load(tmp_path)  # the flip was in what means nothing
            for name, weight in loaded.network.state_dict().items():
                assert torch.equal(weight, weights[name])


def complaint_about(folder) -> str:
    try:
        Model.load(folder)
    except JincError as error:
        return str(error)
    return ""


CHANGES = (
    *({"image_size": size} for size in (["a", 8], [8], 8, [7, 8], [0, 8], None)),
    *({"class_names": names} for names in (3, ["one"], [])),
    {"schedule": "linar"},
    *({"timesteps": count} for count in (0, "many")),
    *({"prediction": name} for name in ("epsilon", ["eps"], None)),
)


def test_facts_that_do_not_fit(tmp_path, make_model, monkeypatch) -> None:
    make_model(classes=3).save(tmp_path)
    monkeypatch.setattr("jinc.models.trained.check_manifest", lambda _: None)
    file = tmp_path / "diffusion.json"
    facts = json.loads(file.read_text())
    for change in CHANGES:
        file.write_text(json.dumps(facts | change))
        refused(tmp_path, "diffusion.json")
    for key in ("schedule", "timesteps", "prediction", "image_size"):
        file.write_text(json.dumps({name: facts[name] for name in facts if name != key}))
        refused(tmp_path, "diffusion.json")
    for content in ("[]", "3", '"text"', "null", "{}", "nonsense"):
        file.write_text(content)
        refused(tmp_path, "diffusion.json")


def test_weights_of_another_network(tmp_path, make_model) -> None:
    make_model(channels=1).save(tmp_path / "a")
    make_model(channels=3).save(tmp_path / "b")
    (tmp_path / "b" / "model.safetensors").replace(tmp_path / "a" / "model.safetensors")
    refused(tmp_path / "a", "model.safetensors")


@pytest.mark.parametrize("prediction", ["eps", "x0", "v", "flow"])
def test_a_perfect_network_denoises_perfectly(make_model, prediction) -> None:
    """With the truth in place of the network, x0 comes back; so the adapter is the inverse."""
    model = make_model(prediction=prediction)
    x0, eps = torch.rand(12, 1, 8, 8) * 2 - 1, torch.randn(12, 1, 8, 8)
    t = torch.arange(12)
    alpha_bar = model.schedule.alpha_bar(t)[:, None, None, None]
    x_t = (alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps).float()
    truth = target(model.schedule, prediction, x0, t, eps).float()
    model.network.forward = lambda *_: truth
    error = (model.denoiser()(x_t, t) - x0).abs().amax((1, 2, 3)) * alpha_bar.flatten().sqrt()
    assert error.max() < 1e-5


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_no_flipped_bit_is_loaded(tmp_path, make_model, name) -> None:
    make_model(classes=3).save(tmp_path / "model")
    file = tmp_path / "model" / name
    data = file.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 40)):
        flipped = bytearray(data)
        flipped[place] ^= 4
        file.write_bytes(flipped)
        with pytest.raises(JincError):
            Model.load(tmp_path / "model")


@pytest.mark.parametrize("name", ["thesis.txt", "manifest.json"])
def test_other_things_are_left_alone(tmp_path, make_model, name) -> None:
    file = tmp_path / name
    file.write_text('{"name": "years of work"}')
    for place in (tmp_path, file):
        with pytest.raises(JincError, match="holds other things"):
            make_model().save(place)
    assert [*tmp_path.iterdir()] == [file]
    assert file.read_text() == '{"name": "years of work"}'


def test_a_failed_save_leaves_the_older_model(tmp_path, make_model, monkeypatch) -> None:
    model = make_model()
    model.save(tmp_path / "model")
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    monkeypatch.setattr(UNet, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(JincError, match="disk full"):
        model.save(tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["model"]
    Model.load(tmp_path / "model")
