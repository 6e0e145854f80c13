"""The page of a run shows what its files hold, leaves out what they do not, and escapes names."""

import json
import shutil
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
import torch

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.report.pages import RealImages, run_page
from jinc.train import Run, TrainConfig

EVIL = "<script>alert('x')</script><img src=http://evil.example onerror=alert(1)>\"'&"


@pytest.fixture
def real() -> RealImages:
    rng = np.random.default_rng(1)
    train = ImageSet(rng.integers(0, 256, (60, 8, 8, 1), np.uint8), None, (), "digits")
    return RealImages(torch.rand(30, 1, 8, 8), "30 of digits", train, 60, train.subset(slice(0, 9)))


def numbers(found: object) -> set[float]:
    """All fractions in something from JSON."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        return set().union(*map(numbers, found)) if found else set()
    return {found} if isinstance(found, float) else set()


def test_all_figures_are_those_of_the_files(run, real, taken_apart) -> None:
    page = taken_apart(run_page(run, real=real))
    assert page.misshown() == []
    scores = json.loads((run.path / "scores" / "scores.json").read_text())
    probe = json.loads((run.path / "probe" / "probe.json").read_text())
    scored = numbers(scores["scores"])
    measured = set().union(*(numbers(probe[part]) for part in ("network", "sampling")))
    measured |= {db for c in probe["curves"].values() for db in c["db"] + c["floor_db"]}
    assert scored | measured <= page.values
    # what else there is was computed from the log, the model and the images
    log = run.read_log()
    late = [entry["loss"] for entry in log[-6:]]
    parameters = sum(p.numel() for p in run.model().network.parameters())
    computed = {sum(late) / 6, log[-1]["validation_loss"], 60.0, parameters, 20.0, 40.0}
    assert computed <= page.values
    rest = page.values - scored - measured - computed
    near = {
        float(value)
        for value, _ in page.data
        if f'<figcaption><data value="{value}"' in page.source
    }
    medians = 2
    assert len(rest - near) == medians


def test_all_sections_are_linked(run, real, taken_apart) -> None:
    page = taken_apart(run_page(run, real=real))
    sections = [attributes["id"] for attributes in page.of("section")]
    assert sections == [
        *("scores", "samples", "learning", "equivariance", "filters", "spectrum"),
        *("neighbours", "settings", "repeat"),
    ]
    targets = [a["href"] for a in page.of("a")]
    assert targets == [f"#{name}" for name in sections]
    for name in TrainConfig().settings():
        assert f'<th scope="row">{name.replace("_", " ")}</th>' in page.section("settings")
    assert "jinc train --out AGAIN --width 4" in page.text
    assert "12.35 ± 0.43" in page.text
    assert "classes was left out" in page.text


def test_it_loads_nothing_and_has_alternative_texts(run, real, taken_apart, drawn) -> None:
    page = taken_apart(run_page(run, real=real))
    assert page.asks_for() == []
    own = files("jinc.report").joinpath("templates", "scrub.js").read_text().strip()
    assert page.scripts == [own]
    (policy,) = [a["content"] for a in page.of("meta") if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe-inline'; script-src 'sha256-" in policy
    # and everything that is seen has words for those who do not see it
    assert all(a.get("alt") for a in page.of("img"))
    drawings = [a for a in page.of("svg") if a.get("aria-hidden") != "true"]
    assert len(drawings) > 8
    assert all(a["role"] == "img" and a["aria-label"] for a in drawings)
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.of("html")[0]["lang"] == "en"


def test_names_are_escaped(tmp_path, run, real, taken_apart, drawn) -> None:
    """Whatever a data set, a class, a score or a folder is called."""
    copy = shutil.copytree(run.path, tmp_path / EVIL.replace("/", "-"))
    config = TrainConfig.of_settings(run.config.settings() | {"data": EVIL}, "")
    config.write(copy / "config.yaml")
    for name in ("scores/scores.json", "probe/probe.json", "images/0a/images.json"):
        facts = json.loads((copy / name).read_text())
        for key in ("left_out", "scores", "extractor", "real"):
            if key in facts and key != "scores":
                facts[key]["name"] = EVIL
            if key == "scores" and key in facts:
                facts[key]["frechet"]["name"] = EVIL
        facts |= {"data": EVIL, "sampler": EVIL, "prompts": [EVIL]}
        (copy / name).write_text(json.dumps(facts))
    evil = RealImages(real.x0, EVIL, real.train, 60, real.unseen)
    plain, page = taken_apart(run_page(run, real=real)), taken_apart(run_page(Run(copy), real=evil))
    assert page.text.count("onerror") >= 5
    assert len(page.scripts) == 1
    assert len(page.of("img")) == len(plain.of("img"))
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert page.asks_for() == []


PARTS = {
    "scores": ("scores", "jinc evaluate"),
    "probe": ("equivariance", "jinc probe"),
    "images": ("samples", "--samples 400"),
    "rotation": ("rotation", "--rotate"),
    "samples": ("samples during training", "not drawn"),
    "model": ("model", "has no model yet"),
    "log.jsonl": ("learning curve", "the log is empty"),
}


@pytest.mark.parametrize("lost", PARTS)
def test_missing_parts_are_listed(run, real, taken_apart, lost) -> None:
    whole = taken_apart(run_page(run, real=real))
    path = run.path / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    page = taken_apart(run_page(run, real=real))
    what, why = PARTS[lost]
    lines = page.section("missing").split("<li>")[1:]
    (line,) = [line for line in lines if line.startswith(f"{what}:")]
    assert why in line
    assert whole.section("missing") == ""
    assert page.misshown() == []
    assert len(lines) == (3 if lost == "images" else 1)  # spectrum and copies need them too


def test_without_the_data(run, taken_apart) -> None:
    page = taken_apart(run_page(run, real=JincError("mnist: no such folder")))
    assert "spectrum" not in {a["id"] for a in page.of("section")}
    assert "nearest training images: mnist: no such folder" in page.text
    assert "the data were not read" in taken_apart(run_page(run)).text


@pytest.mark.parametrize("name", ["scores/scores.json", "probe/probe.json"])
@pytest.mark.parametrize("text", ["{", "[1]", '{"scores": 3, "network": 4}'])
def test_malformed_files_are_listed(run, taken_apart, name, text) -> None:
    (run.path / name).write_text(text)
    page = taken_apart(run_page(run))
    (line,) = [line for line in page.section("missing").split("<li>")[1:] if ".json" in line]
    assert name in line


def test_images_of_earlier_weights_are_labelled(run, taken_apart) -> None:
    file = run.path / "images" / "0a" / "images.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps(facts | {"weights": "0" * 64}))
    assert "by earlier weights" in taken_apart(run_page(run)).text


def test_a_run_without_results_is_an_error(tmp_path) -> None:
    with pytest.raises(JincError, match="has neither a log nor a model yet"):
        run_page(Run.create(tmp_path / "new", TrainConfig()))


@pytest.mark.slow
def test_a_page_is_smaller_than_five_megabytes(run, real, drawn) -> None:
    """Images that cannot be compressed, as large as they get."""
    rng = np.random.default_rng(0)
    for side, folder in ((64, "0b"), (256, "0c")):
        shutil.rmtree(run.path / "images")
        path = run.path / "images" / folder
        path.mkdir(parents=True)
        pixels = rng.integers(0, 256, (120, side, side, 3), dtype=np.uint8)
        np.save(path / "images-0000000.npy", pixels)
        (path / "images.json").write_text(json.dumps({"sampler": "ddim"}))
        train = ImageSet(pixels[:60], None, (), "noise")
        noisy = RealImages(torch.rand(64, 3, side, side), "noise", train, 60)
        from jinc.data import save_png

        for step in range(20):
            save_png(run.samples(step), pixels[0].repeat(4, 0).repeat(2, 1))
        assert len(run_page(run, real=noisy).encode()) < 5e6
