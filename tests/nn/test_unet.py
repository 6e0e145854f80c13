"""The U-Net: sizes, classes, saving, and what it does not depend on."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from jinc.errors import JincError
from jinc.nn import NO_CLASS, Conditioning, Configs, UNet, parse_config
from jinc.nn.network import sinusoidal_embedding

NAMES = ("A", "B@6", "C@6", "D@6", "D@12", "D@ideal", "D+plain@6", "B-0", "C-1N", "D-2N", "D-1N/6")


def inputs(channels: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(2, channels, height, width, generator=generator), torch.tensor([3, 700])


@pytest.mark.parametrize(("channels", "count"), [(1, 5_896_513), (3, 5_897_155)])
def test_parameters_are_as_many_as_published(channels, count) -> None:
    network = UNet("A", channels=channels)
    assert sum(p.numel() for p in network.parameters()) == count


def test_all_configurations_share_keys_and_shapes() -> None:
    shapes = {
        name: {key: value.shape for key, value in UNet(name, width=4).state_dict().items()}
        for name in [*NAMES, "D+norm-2N"]
    }
    assert all(found == shapes["A"] for found in shapes.values())


@pytest.mark.parametrize(
    ("name", "padding", "height", "width"),
    [
        *((name, ("zeros", "reflect", "circular")[i % 3], 8, 8) for i, name in enumerate(NAMES)),
        *(("D@6", padding, 16, 24) for padding in ("zeros", "reflect", "circular")),
    ],
)
def test_noise_is_shaped_like_the_images(name, padding, height, width) -> None:
    network = UNet(name, channels=1, width=4, padding=padding)
    x_t, t = inputs(1, height, width)
    eps = network(x_t, t)
    assert eps.shape == x_t.shape
    eps.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_any_number_of_levels(levels) -> None:
    network = UNet("D@6", channels=2, width=4, levels=levels)
    x_t, t = inputs(2, 16, 16)
    assert network(x_t, t).shape == x_t.shape


def test_images_do_not_see_each_other() -> None:
    network = UNet("D@6", channels=1, width=4).double()
    x_t, t = inputs(1, 8, 8)
    alone = network(x_t[1:].double(), t[1:])
    torch.testing.assert_close(network(x_t.double(), t)[1:], alone, rtol=0, atol=1e-12)


def test_classes_matter_and_no_class_is_none() -> None:
    network = UNet("D@6", channels=1, width=4, classes=10)
    x_t, t = inputs(1, 8, 8)
    without = network(x_t, t)
    torch.testing.assert_close(network(x_t, t, Conditioning(torch.full((2,), NO_CLASS))), without)
    mixed = network(x_t, t, Conditioning(torch.tensor([4, NO_CLASS])))
    torch.testing.assert_close(mixed[1], without[1])
    assert (mixed[0] - without[0]).abs().max() > 1e-4


def test_steps_matter() -> None:
    network = UNet("D@6", channels=1, width=4)
    x_t, _ = inputs(1, 8, 8)
    first, last = (network(x_t, torch.full((2,), t)) for t in (0, 999))
    assert (first - last).abs().max() > 1e-4


def test_embedding_turns_at_geometric_rates() -> None:
    """Two steps' embeddings have a product that depends on their distance alone."""
    e = sinusoidal_embedding(torch.tensor([10, 20, 500, 510]), 256)
    assert e.shape == (4, 256)
    torch.testing.assert_close(e.square().sum(-1), torch.full((4,), 128.0))
    torch.testing.assert_close(e[0] @ e[1], e[2] @ e[3], rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", ["A", "D-2N", "D@6", "D@12/0.2,B@6,C@6"])
def test_saved_and_loaded_is_the_same(name, tmp_path) -> None:
    network = UNet(name, channels=3, width=4, levels=2, classes=5, padding="reflect").eval()
    network.save(tmp_path / "model")
    again = UNet.load(tmp_path / "model").eval()
    assert again.arguments() == network.arguments()
    x_t, t = inputs(3, 8, 8)
    assert torch.equal(network(x_t, t), again(x_t, t))


@pytest.mark.parametrize("names", [("D@6",), ("D@12", "D@6", "A")])
def test_designs_without_a_name_are_saved_too(names, tmp_path) -> None:
    first, *others = map(parse_config, names)
    config = Configs((replace(first, gain=2.0), *others))
    UNet(config, channels=1, width=4).save(tmp_path)
    assert UNet.load(tmp_path).config == config


def test_the_hub_layout_is_the_same(tmp_path) -> None:
    """What `save_pretrained` writes, `from_pretrained` and `load` read, and the other way round."""
    network = UNet("D@6", channels=1, width=4, levels=2, classes=3)
    network.save_pretrained(tmp_path / "hub")
    network.save(tmp_path / "own")
    for again in (
        UNet.from_pretrained(tmp_path / "hub"),
        UNet.from_pretrained(tmp_path / "own"),
        UNet.load(tmp_path / "hub"),
    ):
        assert again.arguments() == network.arguments()
        for name, value in network.state_dict().items():
            assert torch.equal(value, again.state_dict()[name])


def test_damaged_files_are_named(tmp_path) -> None:
    UNet("A", channels=1, width=4).save(tmp_path)
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-10])
    with pytest.raises(JincError, match=r"model\.safetensors"):
        UNet.load(tmp_path)
    weights.write_bytes(whole)
    other = json.loads((tmp_path / "config.json").read_text()) | {"width": 8}
    (tmp_path / "config.json").write_text(json.dumps(other))
    with pytest.raises(JincError, match=r"model\.safetensors"):
        UNet.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(JincError, match=r"config\.json"):
        UNet.load(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"channels": 0}, "channels"),
        ({"width": 6}, "width"),
        ({"levels": 0}, "levels"),
        ({"classes": -1}, "classes"),
        ({"padding": "mirror"}, "padding"),
        ({"config": "E"}, "sampling procedure"),
    ],
)
def test_bad_arguments_are_named(arguments, word) -> None:
    with pytest.raises(JincError, match=word):
        UNet(**arguments)


def test_bad_inputs_are_named() -> None:
    network = UNet("D@6", channels=1, width=4)
    t = torch.tensor([1])
    with pytest.raises(JincError, match="12×16 cannot be halved 3 times"):
        network(torch.zeros(1, 1, 12, 16), t)
    with pytest.raises(JincError, match="3 channels"):
        network(torch.zeros(1, 3, 16, 16), t)
    with pytest.raises(JincError, match="labels"):
        network(torch.zeros(1, 1, 16, 16), t, Conditioning(torch.tensor([0])))
    with pytest.raises(JincError, match="steps"):
        network(torch.zeros(1, 1, 16, 16), torch.tensor([1, 2]))


def test_what_is_pushed_can_be_loaded(tmp_path, monkeypatch) -> None:
    calls = []

    class Hub:
        def __init__(self, token) -> None: ...

        def create_repo(self, name, **options) -> None:
            calls.append((name, options))

        def upload_folder(self, repo_id, folder_path, commit_message) -> None:
            shutil.copytree(folder_path, tmp_path / repo_id)

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    network = UNet("D@6", channels=1, width=4, levels=1)
    network.push_to_hub("me/digits", private=True)
    assert calls == [("me/digits", {"private": True, "exist_ok": True})]
    assert 'UNet.from_pretrained("me/digits")' in (tmp_path / "me/digits/README.md").read_text()
    assert UNet.from_pretrained(tmp_path / "me/digits").arguments() == network.arguments()


def test_the_hub_refuses_a_flipped_bit_too(tmp_path) -> None:
    UNet("D@6", channels=1, width=4, levels=1).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    with pytest.raises(JincError, match="damaged"):
        UNet.from_pretrained(tmp_path)
