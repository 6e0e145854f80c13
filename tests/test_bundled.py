"""Bundled models: the cards say what the folders are, and names find them."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image
from safetensors import safe_open

from jinc.bundled import bundled_folders, located, read_card
from jinc.data import image_grid
from jinc.errors import JincError
from jinc.models import Model, SamplingPlan, Upscaler, generate_images, images_of, load, open_model

FOLDERS = bundled_folders()
each = pytest.mark.parametrize("name", FOLDERS)


@each
def test_the_card_lists_what_the_folder_is(name: str) -> None:
    card, model = read_card(FOLDERS[name]), load(name)
    assert isinstance(model, Model | Upscaler)
    assert card.image_size == tuple(model.image_size)
    assert card.channels == model.channels
    assert card.classes == model.class_names
    assert card.parameters == sum(p.numel() for p in model.network.parameters())
    assert card.scores
    assert card.data_licence
    with Image.open(FOLDERS[name] / card.picture) as picture:
        picture.load()


@each
def test_the_hub_reads_the_same_scores(name: str) -> None:
    card = read_card(FOLDERS[name])
    found = ModelCard.load(FOLDERS[name] / "README.md").data
    assert found.license == card.license
    scores = [
        (r.metric_name, r.metric_value, r.metric_args["standard_error"]) for r in found.eval_results
    ]
    assert scores == [(each.name, each.value, each.error) for each in card.scores]


@each
def test_weights_are_stored_in_half_the_precision_they_are_used_in(name: str) -> None:
    with safe_open(FOLDERS[name] / "model.safetensors", "pt") as file:
        kinds = {file.get_tensor(key).dtype for key in file.keys()}  # noqa: SIM118
    assert kinds <= {torch.float16, torch.int64}
    model = load(name)
    assert isinstance(model, Model | Upscaler)
    assert {p.dtype for p in model.network.parameters()} == {torch.float32}


@pytest.mark.slow
@each
def test_the_picture_can_be_made_again(name: str) -> None:
    """Machines of one kind make the same bytes; others round differently."""
    model = load(name)
    if isinstance(model, Upscaler):
        pytest.skip("shows photographs that are not bundled")
    assert isinstance(model, Model)
    card = read_card(FOLDERS[name])
    _, _, guided = card.commands[-1].partition("--guidance ")
    with Image.open(FOLDERS[name] / card.picture) as picture:
        shown = np.asarray(picture.convert("RGB")).astype(int)
    plan = SamplingPlan(number=60, prompts=model.class_names, guidance=float(guided or 1))
    samples = images_of(generate_images(model, plan))
    assert np.abs(image_grid(samples, columns=10, scale=2) - shown).mean() < 2


def test_models_are_small() -> None:
    sizes = {name: [f.stat().st_size for f in folder.iterdir()] for name, folder in FOLDERS.items()}
    assert max(map(sum, sizes.values())) <= 3_200_000
    assert sum(map(sum, sizes.values())) <= 12_500_000
    pictures = [folder / read_card(folder).picture for folder in FOLDERS.values()]
    assert max(picture.stat().st_size for picture in pictures) <= 60_000


@each
def test_samples_are_finite_and_the_same_again(name: str) -> None:
    model = load(name)
    if not isinstance(model, Model):
        return
    plan = SamplingPlan(number=2, prompts=model.class_names, steps=2, batch=2)
    once, again = (images_of(generate_images(model, plan)) for _ in range(2))
    assert once.isfinite().all()
    assert torch.equal(once, again)


@each
def test_a_name_is_a_path(name: str) -> None:
    assert located(name) == located(Path(name)) == FOLDERS[name]
    assert located(FOLDERS[name]) == FOLDERS[name]


def test_a_folder_of_that_name_has_precedence(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    with pytest.warns(UserWarning, match="digits: is read from the working folder") as told:
        assert located("digits") == Path("digits")
    assert len(told) == 1
    assert located("./digits").resolve() == tmp_path / "digits"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("digist", "did you mean digits"),
        ("DIGITS", "did you mean digits"),
        ("zebra", "there are .*digits"),
        ("../digits", "no such run or model folder"),
        ("cards.py", "no such run or model folder"),
        ("__pycache__", "no such run or model folder"),
        ("", "neither a run nor a model"),
        (".", "neither a run nor a model"),
    ],
)
def test_other_names_are_refused(name, says, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JincError, match=says):
        open_model(name)


def test_a_mistyped_name_is_recognised_in_python() -> None:
    with pytest.raises(JincError, match="did you mean mnist"):
        Model.load("mnst")


def test_a_card_without_its_section(tmp_path) -> None:
    for text, says in (
        ("# digits", "does not begin with YAML"),
        ("---\nlicense: mit\n---\n", "has no section jinc"),
        ("---\njinc: {about: 1}\nmodel-index: 3\n---\n", "model-index: has no metrics"),
        ("---\njinc: {about: 1}\nmodel-index: []\n---\n", "image_size is missing"),
    ):
        (tmp_path / "README.md").write_text(text)
        with pytest.raises(JincError, match=says):
            read_card(tmp_path)


@each
def test_their_commands_are_understood(name: str, monkeypatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])  # for --settings
    from jinc.cli.app import app
    from jinc.cli.sources import option_sources

    commands = [shlex.split(line) for line in read_card(FOLDERS[name]).commands]
    for _, *words in (words for words in commands if words[0] == "jinc"):
        app.config = option_sources(words)
        app.parse_args(words, exit_on_error=False, print_error=False)
