"""Conversions in files: beside weights, and by the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from jinc import JincError, Model, UNet, conversion, convert, open_model, restore
from jinc.models.convert.settings import Settings
from jinc.models.converting import convert_model

diffusers = pytest.importorskip("diffusers")


def unet():
    return diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=8,
    ).eval()


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    folder = tmp_path / "pipeline"
    diffusers.DDPMPipeline(unet(), diffusers.DDPMScheduler()).save_pretrained(folder)
    return folder


X = torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_saved_models_are_converted_again(tmp_path) -> None:
    model = convert(unet(), "D@12,D@6", padding="circular", designs={"mid_block.*": "A"})
    model.save_pretrained(tmp_path)
    read = diffusers.UNet2DModel.from_pretrained(tmp_path)
    (tmp_path / "jinc.json").rename(other := tmp_path / "other.json")
    assert Settings.of(str(other)) == conversion(model).settings
    other.rename(tmp_path / "jinc.json")
    assert type(model).__name__ == type(read).__name__
    assert conversion(convert(read, str(tmp_path))).settings == conversion(model).settings
    torch.testing.assert_close(read(X, 5).sample, model(X, 5).sample, atol=1e-5, rtol=0)
    assert convert(model, tmp_path / "jinc.json") is model  # twice is once
    restore(model).save_pretrained(tmp_path / "restored")
    assert not (tmp_path / "restored" / "jinc.json").exists()


@torch.no_grad()
def test_converted_pipelines_are_opened_as_such(pipeline, tmp_path, jinc) -> None:
    out = tmp_path / "converted"
    how = ("--config", "D@12", "--padding", "circular", "--design", "mid_block.*=A")
    said = jinc("convert", pipeline, *how, "--out", out)
    assert "D@12: " in said.out
    assert "padding circular: " in said.out
    assert "random weights, padding alone" in said.out
    expected = open_model(pipeline).network.unet
    convert(expected, "D@12", padding="circular", designs={"mid_block.*": "A"})
    found = open_model(out).network.unet
    torch.testing.assert_close(found(X, 5).sample, expected(X, 5).sample, atol=1e-5, rtol=0)
    again = convert_model(out, None)
    assert (again.earlier, again.settings.config) == (again.settings, "D@12")
    again = json.loads(jinc("convert", out, "--config", "D@6", "--out", out, "--json").out)
    assert again["config"] == "D@6"
    assert again["effects"]["after"]["half_pixel_db"] > again["effects"]["before"]["half_pixel_db"]
    assert {each["config"] for each in again["replaced"]} == {"D@6"}
    assert json.loads((out / "unet" / "jinc.json").read_text())["config"] == "D@6"
    assert not (pipeline / "unet" / "jinc.json").exists()


def test_models_of_ours_keep_weights_and_padding(tmp_path, jinc) -> None:
    network = UNet("A", channels=1, width=4, levels=1, padding="circular")
    Model(network, (8, 8)).save(tmp_path / "ours")
    jinc("convert", tmp_path / "ours", "--config", "D@12", "--out", tmp_path / "other")
    other = Model.load(tmp_path / "other").network
    assert (other.config.name, other.padding) == ("D@12", "circular")
    assert all(torch.equal(v, network.state_dict()[n]) for n, v in other.state_dict().items())


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (("--design", "mid_block"), "--design: 'mid_block' is not PATTERN=CONFIG"),
        (("--config", "Q@6"), "is not a configuration"),
        (("--config", "D@6", "--design", "mid=A"), "designs: 'mid' matches no module; nearest are"),
        (("--config", "A"), "config: A replaces nothing"),
        (("--config", "nowhere/jinc.json"), "nowhere"),
        (("--config", "D@6", "--design", "x=Q"), "is not a configuration"),
    ],
)
def test_refusals(pipeline, refused, tmp_path, how, words) -> None:
    refused("convert", pipeline, *how, "--out", tmp_path / "out", says=words)


def test_other_refusals(pipeline, tmp_path, refused) -> None:
    Model(UNet("A", channels=1, width=4, levels=1), (8, 8)).save(tmp_path / "ours")
    with pytest.raises(JincError, match="give a design for each level"):
        convert_model(tmp_path / "ours", Settings("D@6", designs={"x": "A"}))
    with pytest.raises(JincError, match="R@6 has other weights than A"):
        convert_model(tmp_path / "ours", Settings("R@6"))
    padded = open_model(pipeline).network.redesigned("A", "circular")
    assert conversion(padded.unet).padded
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    refused("convert", pipeline, "--out", tmp_path / "full", says="holds other things")
    (pipeline / "unet" / "jinc.json").write_text('{"config": "D@6", "padding": "wide"}')
    with pytest.raises(JincError, match=r"jinc\.json: padding"):
        open_model(pipeline)


def test_a_search_continues_and_its_result_is_taken(pipeline, tmp_path, jinc, refused) -> None:
    images, out = tmp_path / "images.npz", tmp_path / "found"
    np.savez(images, images=np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), np.uint8))
    how = ("search", pipeline, "--data", images, "--out", out, "--designs", "D@6", "-n", "2")
    first = json.loads(jinc(*how, "--most-time", "99", "--json").out)
    assert first["chosen"]["config"] in first["front"]
    assert {each["config"] for each in first["found"]} == {"A", "D@6", "D@6,A", "A,D@6"}
    again = json.loads(jinc(*how, "--json").out)
    assert again["found"] == first["found"]  # not measured again
    other = json.loads(jinc(*how, "--padding", "circular", "--json").out)
    assert other["found"] != first["found"]
    if first["chosen"]["config"] != "A":
        jinc(*how, "--most-time", "99")
        said = jinc("convert", pipeline, "--config", out / "jinc.json", "--json")
        assert json.loads(said.out)["config"] == first["chosen"]["config"]
    for option, value, says in (
        ("--most-time", "0.5", "--most-time: 0.5 is not at least 1"),
        ("--most-time", "nan", "--most-time: nan is not at least 1"),
        ("--number", "0", "--number: 0 is not at least 1"),
        ("--seed", "-1", "--seed: -1 is less than 0"),
        ("--designs", "A", "besides A, the model as it is"),
        ("--designs", "D-2N", "D-2N cannot convert a model"),
    ):
        refused(*how[:-2], option, value, says=says)
    named = tmp_path / "jinc.json"
    named.write_text('{"config": "D@6", "designs": {"mid_block.*": "A"}}')
    run = ("--data", images, "--out", tmp_path / "run")
    refused("train", "--config", named, *run, says="has designs by name; training takes levels")
