"""Runs and studies as folders, made in no time, and pages taken apart again."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from jinc.models import Model
from jinc.nn import UNet
from jinc.report.charts import Chart
from jinc.study import StudyFolder, make_table, read_study
from jinc.train import Run, TrainConfig

VOID = {"meta", "link", "img", "input", "br", "source", "hr"}

SCORES = {
    "extractor": {
        **{"name": "mnist-classifier", "layer": "64", "weights": "f8eeff28" + "0" * 56},
        **{"channels": 1, "image_size": [28, 28], "resize": "antialiased", "low": -1.0},
        "high": 1.0,
    },
    "real": {"name": "digits", "images": 1797, "sha256": "0" * 64},
    "generated": {"name": "run/images/0a", "images": 48, "sha256": "1" * 64},
    "scores": {
        "frechet": {
            **{"name": "Fréchet distance (mnist-classifier)", "value": 12.34567, "error": 0.4321},
            **{"error_by": "bootstrap", "lower_is_better": True, "details": {}},
        },
        "precision": {
            **{"name": "precision (mnist-classifier)", "value": 0.654321, "error": 0.0123},
            **{"error_by": "mean", "lower_is_better": False, "details": {}},
        },
    },
    "left_out": {"classes": "mnist-classifier: has no classes to score by"},
}


def at_levels(*decibels: float) -> list[dict[str, float]]:
    return [
        {
            "t": 3 * k,
            "eps_db": db,
            "x0_db": db - 1.25,
            "eps_floor_db": 60 + db,
            "x0_floor_db": 143.5,
        }
        for k, db in enumerate(decibels)
    ]


PROBE = {
    **{"data": "6 of 1,797 images of digits", "invariant_under": [], "seed": 0, "number": 6},
    **{"sampler": "ddim", "eta": 0.0, "steps": 8},
    "network": {"half_pixel": at_levels(31.23, 33.37), "flip": at_levels(35.51, 200.0)},
    "sampling": {
        "eq_t": {"db": 21.456, "floor_db": 140.2},
        "eq_r": {"db": 17.321, "floor_db": 39.04},
    },
    "curves": {
        "turned_at_the_start": {
            **{"unit": "degrees", "amounts": [-90.0, 0.0, 90.0]},
            **{"db": [9.87, 200.0, 10.12], "floor_db": [31.1, 200.0, 30.9]},
        },
        "shifted_on_the_way": {
            **{"unit": "pixels", "amounts": [0.0, 1.5], "db": [200.0, 23.45]},
            "floor_db": [200.0, 44.4],
        },
    },
}


class Page(HTMLParser):
    """A page taken apart; tags that do not fit together are an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = text
        self.open: list[tuple[str, dict[str, Any]]] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.data: list[tuple[float, str]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self.open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data: str) -> None:
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag == "data":
            self.data.append((float(attributes["value"]), data))
        if tag == "script":
            self.scripts.append(data)
        elif tag != "style":
            self.texts.append(data)
        if re.fullmatch(r"h\d", tag):
            self.headings.append((int(tag[1]), data))

    @property
    def text(self) -> str:
        """What is read, with single spaces."""
        return " ".join("".join(self.texts).split())

    @property
    def values(self) -> set[float]:
        """Every figure, with all digits."""
        return {value for value, _ in self.data}

    def misshown(self) -> list[tuple[float, str]]:
        """Figures whose text is not them, rounded."""
        return [(value, text) for value, text in self.data if not shown_right(value, text)]

    def asks_for(self) -> list[str]:
        """Whatever a browser would fetch."""
        names = ("src", "href", "srcset", "action", "poster", "data", "xlink:href", "background")
        found = [str(a[n]) for tag, a in self.tags for n in names if n in a and tag != "data"]
        styles = [a["style"] for _, a in self.tags if a.get("style")]
        css = self.source.partition("<style>")[2].partition("</style>")[0]
        found += re.findall(r"url\([^)]*\)|@import[^;]*", css + " ".join(styles))
        return [each for each in found if not each.startswith(("data:", "#"))]

    def of(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def section(self, name: str) -> str:
        """The source of a section."""
        return self.source.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def shown_right(value: float, text: str) -> bool:
    """Whether a text is its value, rounded where the text ends."""
    text = text.strip("\u2007\u2008 ")
    if text == "exact":
        return value >= 200
    number = text.replace("−", "-").replace(",", "").removeprefix("+")
    places = len(number.partition(".")[2])
    return abs(float(number) - value) <= 0.5 * 10**-places * (1 + 1e-6)


@pytest.fixture
def drawn() -> None:
    """Asked for by tests of pages whose charts are to be drawn."""


@pytest.fixture(autouse=True)
def undrawn(request, monkeypatch) -> None:
    """Leave charts out of all other pages: drawing takes most of their time."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(Chart, "_drawn", ("", ()))


@pytest.fixture
def taken_apart() -> Callable[[str], Page]:
    return Page


def write_images(folder: Path, count: int, side: int, channels: int, **facts: Any) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, side, side, channels), dtype=np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images-0000000.npy", pixels)
    said = {"sampler": "ddim", "steps": 8, "seed": 0, "guidance": 2.0, **facts}
    (folder / "images.json").write_text(json.dumps(said))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of which everything is known."""
    from jinc.data import image_grid, save_animation, save_png

    torch.manual_seed(0)
    config = TrainConfig(
        **{"width": 4, "levels": 1, "timesteps": 10, "steps": 60, "batch_size": 4, "config": "D@6"}
    )
    found = Run.create(tmp_path / "my run", config)
    rng = np.random.default_rng(0)
    for step in range(1, 61):
        noise = float(rng.uniform(0.9, 1.1))
        entry = {"step": step, "loss": noise / step, "gradient_norm": noise, "learning_rate": 1e-3}
        found.append_log(entry | {"images_per_second": 100.0, "validation_loss": 1.2 / step})
    network = UNet("D@6", channels=1, width=4, levels=1).eval()
    Model(network, (8, 8), (), "linear", 10).save(found.path / "model")
    for step in (20, 40, 60):
        images = torch.rand(8, 1, 8, 8) * 2 - 1
        save_png(found.samples(step), images)
    write_images(found.path / "images" / "0a", 48, 8, 1)
    (found.path / "scores").mkdir()
    (found.path / "scores" / "scores.json").write_text(json.dumps(SCORES))
    (found.path / "probe").mkdir()
    (found.path / "probe" / "probe.json").write_text(json.dumps(PROBE))
    frames = [image_grid(torch.rand(2, 1, 8, 8) * 2 - 1, scale=4) for _ in range(3)]
    save_animation(found.path / "rotation" / "turns.webp", frames)
    save_png(found.path / "rotation" / "turns.png", frames[0])
    return found


STUDY = {
    "what": "Does anything help?",
    "train": {"image_size": 8, "width": 4, "levels": 1, "timesteps": 10, "steps": 6},
    "data": {"digits": {"data": "digits", "score": {"features": "x", "split": "all"}}},
    "variants": {"A": {"config": "A"}, "D": {"config": "D@6"}, "E": {"config": "D@12"}},
    "seeds": [0, 1, 2],
    "sample": {"number": 20, "steps": 2},
    "scores": ["frechet", "precision"],
}

MADE = "Fréchet distance (mnist-classifier)"


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    """Make the folder of a study with given scores by variant, a list of seeds each."""

    def make(
        frechet: dict[str, list[float]],
        precision: dict[str, list[float]] | None = None,
        named: str = MADE,
        **changed: Any,
    ) -> Path:
        file = tmp_path / "tiny.yaml"
        seeds = [*range(max(map(len, frechet.values())))]
        variants = {name: {"config": "A"} for name in frechet if name not in STUDY["variants"]}
        settings = STUDY | {"seeds": seeds, "variants": STUDY["variants"] | variants} | changed
        kept = {name: how for name, how in settings["variants"].items() if name in frechet}
        file.write_text(yaml.safe_dump(settings | {"variants": kept}, sort_keys=False))
        planned, places = read_study(file), StudyFolder(tmp_path / "study")
        for cell in planned.cells:
            if cell.seed >= len(frechet[cell.variant]):
                continue
            scores = {"frechet": _score(named, True, frechet[cell.variant][cell.seed])}
            if precision is not None:
                value = precision[cell.variant][cell.seed]
                scores["precision"] = _score("precision", False, value)
            _fill(cell, places, scores)
        facts = make_table(planned, places).facts()
        (places.path / "table.json").write_text(json.dumps(facts))
        return places.path

    return make


def _score(name: str, lower: bool, value: float) -> dict[str, Any]:
    return {"name": name, "lower_is_better": lower, "value": value, "error": 0.1}


def _fill(cell: Any, places: StudyFolder, scores: dict[str, Any]) -> None:
    write_images(places.images(cell), 20, 8, 1, run=cell.run_name)
    facts = {"data": cell.data, "variant": cell.variant, "seed": cell.seed, "scores": scores}
    facts |= {"parameters": 24481, "steps": 6, "loss": 0.5, "sampling_seconds": 2.0}
    facts |= {name: SCORES[name] for name in ("extractor", "real")} | {"generated": {"images": 20}}
    places.scores(cell).write_text(json.dumps(facts))
    path = places.run(cell)
    if not path.exists():
        found = Run.create(path, cell.config)
        for step in range(1, 7):
            found.append_log({"step": step, "loss": 1 / step, "images_per_second": 64.0})
