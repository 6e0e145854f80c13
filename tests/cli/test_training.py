"""What training offers beyond a plain run: presets, dry runs, guidance, the denoiser."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from PIL import Image

from jinc.cli.app import app
from jinc.cli.sources import option_sources
from jinc.errors import JincError
from jinc.metrics import DigitClassifier, save_digit_classifier
from jinc.models import Model, SingleStep
from jinc.models.trained import Facts
from jinc.schema import build
from jinc.train import PRESETS, Run, TrainConfig, Trainer, find_preset


def parsed(*words: str, command: tuple[str, ...] = ("train",)) -> TrainConfig:
    """The settings that the command line makes of words."""
    tokens = [*command, *words, "--out", "nowhere"]
    app.config = option_sources(tokens)
    _, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
    return bound.arguments["config"]


def test_presets_are_listed_with_what_they_cost(jinc) -> None:
    facts = json.loads(jinc("presets", "--json").out)
    assert facts.keys() == PRESETS.keys()
    assert facts["cifar10-ddim"]["parameters"] < facts["cifar10-ddim-128"]["parameters"]
    small, large = (
        facts[name]["forward_gflop_per_image"] for name in ("celeba-hq", "celeba-hq-128")
    )
    assert 3.5 < large / small < 4.5
    shown = jinc("presets")
    assert all(name in shown.out for name in PRESETS)
    assert "mnist-class: T = 300 with the β of 1000 steps, as published" in shown.out


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_taken_whole(name) -> None:
    """Options that are called as a command is, such as --upscale, are among them."""
    assert asdict(parsed("--preset", name)) == asdict(find_preset(name))


@pytest.mark.parametrize("command", [("train",), ("denoise", "train")])
def test_settings_that_are_called_as_commands_are(tmp_path, command) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("complexity: normalised\nupscale: 4\n")
    found = parsed("--settings", str(file), command=command)
    assert (found.complexity, found.upscale) == ("normalised", 4)
    file.write_text("- 3\n")
    with pytest.raises(JincError, match=r"own\.yaml: holds \[3\], values by name"):
        parsed("--settings", str(file))


def test_a_preset_and_what_is_said_beside_it(jinc, tmp_path) -> None:
    words = ("--preset", "digits", "--steps", 2, "--width", 4, "--out", tmp_path / "run")
    assert jinc("train", *words).code == 0
    config = Run.open(tmp_path / "run").config
    assert (config.steps, config.width, config.schedule) == (2, 4, "cosine")
    assert config.ema_decay == PRESETS["digits"].ema_decay
    again = jinc("train", *words, "--resume")
    assert (again.code, Run.open(tmp_path / "run").config) == (0, config)


def test_unwritable_curve_is_refused_before_training(refused, jinc, tmp_path) -> None:
    words = ("train", "--preset", "digits", "--width", 4, "--out", tmp_path / "run", "--resume")
    assert jinc(*words, "--steps", 1).code == 0
    (tmp_path / "run/curve.png").unlink()
    (tmp_path / "run/curve.png").symlink_to("curve.png")
    refused(*words, "--steps", 2, says="curve.png")
    assert Run.open(tmp_path / "run").config.steps == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--preset", "mnits"), "did you mean mnist?"),
        (("--preset",), "--preset: has no value"),
        (("--preset", ""), "--preset: has no value"),
        (("--settings=",), "--settings: has no value"),
        (("--preset", "mnist"), "data: is not set"),
        (("--label-dropout", "0.5"), "label_dropout: there is no label to drop; add --conditional"),
        (("--augment", "hflop"), "--augment"),
        (("--augment-labels",), "augment_labels: there is nothing to condition on; add --augment"),
        (("--ema-decay", "1.5"), "ema_decay: 1.5"),
        (("--batch-size", "4", "--accumulation", "3"), "accumulation: 3"),
        (("--holdout", "1797"), "holdout: 1797 of 1797"),
        (("--network", "cs180", "--image-size", "10"), "image_size"),
        (("--network", "resunet", "--width", "7"), "width"),
        (("--complexity", "published", "--accumulation", "2"), "complexity"),
        (("--track", "tensorbord"), "--track"),
        (("--dropout", "0.5"), "dropout: is for resunet, not unet"),
        (
            ("--sample-guidance", "5"),
            "sample_guidance: needs an unconditional prediction; add --label-dropout",
        ),
        (("--noise-std", "0.5", "--prediction", "v"), "prediction: is for diffusion models"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_contradicting_options_are_refused_in_one_line(jinc, tmp_path, words, says) -> None:
    said = jinc("train", "--out", tmp_path / "run", "--steps", 1, *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert says in said.err
    assert not (tmp_path / "run").exists()


def test_out_is_needed_but_for_a_dry_run(jinc, tiny, tmp_path) -> None:
    said = jinc("train", *tiny)
    assert (said.code, said.err) == (2, "jinc: --out: is required: the folder of the run\n")
    said = jinc("train", *tiny, "--dry-run", "--out", tmp_path / "run")
    assert said.code == 0
    for words in ("parameters: ", "GFLOP", "memory: ", "images/s", "all 6 steps"):
        assert words in said.out
    assert not (tmp_path / "run").exists()


def test_a_learning_curve_is_drawn(trained) -> None:
    with Image.open(trained / "curve.png") as picture:
        assert min(picture.size) > 200


def test_guidance(jinc, tiny, trained_on_classes, trained, tmp_path) -> None:
    made, run = {}, tmp_path / "run"
    assert jinc("train", "--out", run, *tiny, "--conditional", "--label-dropout", 0.5).code == 0
    for guidance in (1, 3):
        folder = tmp_path / str(guidance)
        words = ("--out", folder, "-n", 1, "--steps", 3, "--guidance", guidance)
        assert jinc("sample", run, *words).code == 0
        made[guidance] = (folder / "000000.png").read_bytes()
    assert made[1] != made[3]
    folder, options = tmp_path / "3", ("--guidance-rescale", 0.7, "--guidance-interval", 2, 9)
    assert not {"guidance_rescale", "threshold"} & {
        *json.loads((folder / "provenance.json").read_text())
    }
    said = jinc("sample", run, *words, *options, "--threshold", "dynamic")
    assert said.code == 0, said
    facts = json.loads((folder / "provenance.json").read_text())
    assert (facts["guidance_rescale"], facts["guidance_interval"]) == (0.7, [2, 9])
    assert facts["threshold"] == "dynamic"
    for options, says in (
        (("--guidance-rescale", 2), "--guidance-rescale: 2.0 is not in [0, 1]"),
        (("--guidance-interval", 9, 2), "--guidance-interval: 9 to 2 is not"),
        (("--no-clip", "--threshold", "dynamic"), "--threshold: dynamic is a way to clip"),
    ):
        said = jinc("sample", run, *words, *options)
        assert said.code == 2
        assert said.err.startswith(f"jinc: {says}")
        assert said.err.count("\n") == 1
    said = jinc("sample", trained_on_classes, "--out", tmp_path / "no", "--guidance", 3)
    assert said.code == 2
    assert said.err == "jinc: --guidance: this model was trained without --label-dropout\n"
    said = jinc("sample", trained, "--out", tmp_path / "no", "--guidance", 3)
    assert (said.code, said.err) == (
        2,
        "jinc: --guidance: this model was trained without classes\n",
    )


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from jinc.cli import main

    folder = tmp_path_factory.mktemp("denoiser") / "run"
    words = ("--data", "digits", "--width", "4", "--steps", "4", "--image-size", "8")
    main(["denoise", "train", "--out", str(folder), *words, "--batch-size", "8", "--device", "cpu"])
    return folder


def test_the_denoiser_is_trained_and_tested(jinc, denoiser, tmp_path) -> None:
    assert SingleStep.load(denoiser / "model").noise_std == 0.5
    words = ("--out", tmp_path / "out", "-n", 20, "--data", "digits", "--sigmas", 0, 0.5)
    said = jinc("denoise", "test", denoiser, *words, "--json", "--split", "train")
    assert said.code == 0
    facts = json.loads(said.out)
    assert facts == json.loads((tmp_path / "out" / "denoising.json").read_text())
    assert (facts["images"], facts["sigma"], facts["trained_at"]) == (20, [0, 0.5], 0.5)
    noisy = facts["mse"]["noisy"]
    assert noisy[0] == 0
    assert noisy[1] == pytest.approx(0.25, rel=0.1)
    assert facts["mse"]["Gaussian blur"][1] < noisy[1]
    with Image.open(tmp_path / "out" / "denoising.png") as picture:
        assert min(picture.size) > 200
    shown = jinc("denoise", "test", denoiser, *words, "--split", "train")
    assert "Gaussian blur" in shown.out


def test_a_denoiser_is_no_diffusion_model(jinc, denoiser, trained, tmp_path) -> None:
    said = jinc("sample", denoiser, "--out", tmp_path / "s")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "single-step denoiser" in said.err
    assert json.loads(jinc("info", denoiser, "--json").out)["noise_std"] == 0.5
    assert "0.5" in jinc("info", denoiser).out
    said = jinc("denoise", "test", denoiser, "--out", tmp_path / "t", "--sigmas", "-1")
    assert (said.code, said.err) == (
        2,
        "jinc: --sigmas: -1.0 is not a finite number of at least 0\n",
    )
    said = jinc("denoise", "test", denoiser, "--out", tmp_path / "t", "--seed", 2**32)
    assert (said.code, said.err) == (2, "jinc: --seed: 4294967296 is not from 0 to 4294967295\n")
    said = jinc("denoise", "test", trained, "--out", tmp_path / "t")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "no single-step denoiser" in said.err


def test_a_resume_that_cannot_be_leaves_the_settings(jinc, tiny, tmp_path) -> None:
    assert jinc("train", "--out", tmp_path / "run", *tiny).code == 0
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    said = jinc("train", "--out", tmp_path / "run", "--resume", "--steps", 2)
    assert said.code == 2
    assert "steps: 2 is too few" in said.err
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before


def test_a_damaged_line_of_the_log_is_passed_over(jinc, tiny, tmp_path) -> None:
    run = tmp_path / "run"
    assert jinc("train", "--out", run, *tiny).code == 0
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": null}\n{"step"')
    assert jinc("train", "--out", run, "--resume", "--steps", 8).code == 0
    assert Run.open(run).read_log()[-1]["step"] == 8


def test_what_is_too_large_leaves_no_run_behind(jinc, tiny, tmp_path, monkeypatch) -> None:
    """So that the next try, with smaller batches, is not taken for another run."""

    def too_large(self: Trainer) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 TiB")

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "steps", too_large)
        said = jinc("train", "--out", tmp_path / "run", *tiny)
    assert (said.code, said.err.count("Traceback")) == (2, 0)
    assert "out of memory; reduce the batch size" in said.err
    assert jinc("train", "--out", tmp_path / "run", *tiny, "--learning-rate", 1e-4).code == 0


def test_a_run_that_was_killed_at_once_takes_other_settings(jinc, tiny, tmp_path) -> None:
    run = tmp_path / "run"
    Run.create(run, TrainConfig(batch_size=64))
    assert jinc("train", "--out", run, *tiny).code == 2
    assert jinc("train", "--out", run, "--resume", *tiny).code == 0
    assert Run.open(run).config.batch_size != 64


def test_info_of_a_run_with_a_validation_set(jinc, tiny, tmp_path) -> None:
    words = ("--holdout", 100, "--checkpoint-every", 3)
    assert jinc("train", "--out", tmp_path / "run", *tiny, *words).code == 0
    facts = json.loads(jinc("info", tmp_path / "run", "--json").out)
    log = Run.open(tmp_path / "run").read_log()
    assert facts["validation_loss"] == log[-1]["validation_loss"]
    assert facts["loss"] == [entry["loss"] for entry in log if "loss" in entry][-1]


@pytest.mark.filterwarnings("default:schedule")
def test_runs_and_models_of_older_versions_keep_their_schedule(jinc, tiny, tmp_path) -> None:
    """Whose files say nothing of `scale_betas`: betas were not scaled, whatever T was."""
    run = tmp_path / "run"
    assert jinc("train", "--out", run, *tiny, "--no-scale-betas").code == 0
    before = Run.open(run).model()
    config = (run / "config.yaml").read_text().replace("scale_betas: false\n", "")
    (run / "config.yaml").write_text(config)
    facts = before.facts()
    del facts["scale_betas"]
    old = Model(before.network, **Model.arguments(before.network, build(Facts, facts, "old")))
    assert torch.equal(old.schedule.alpha_bars, before.schedule.alpha_bars)
    assert float(old.schedule.betas[-1]) == pytest.approx(0.02)
    assert jinc("train", "--out", run, "--resume", "--steps", 8).code == 0
    assert torch.equal(Run.open(run).model().schedule.alpha_bars, before.schedule.alpha_bars)
    again = jinc("train", "--settings", run / "config.yaml", "--out", tmp_path / "again")
    assert again.code == 0, again
    assert Run.open(tmp_path / "again").model().scale_betas is False


@pytest.mark.filterwarnings("default:schedule")
def test_a_schedule_that_ends_in_no_noise_is_warned_of_everywhere(jinc, tiny, tmp_path) -> None:
    run, warning = tmp_path / "run", "jinc: warning: schedule: at t = 9, where sampling starts"
    said = jinc("train", "--out", run, *tiny, "--no-scale-betas", "--sample-epochs", 0.005)
    assert said.err.count(warning) == 1
    for words in (("info", run), ("sample", run, "-n", 1, "--out", tmp_path / "s")):
        said = jinc(*words)
        assert said.err.count(warning) == 1, words
        assert said.code == 0
    assert json.loads(jinc("info", run, "--json").out)["signal_left"] > 0.9


def test_a_run_that_was_killed_before_its_first_step_goes_on(jinc, tiny, tmp_path) -> None:
    Path("images").mkdir()  # a relative path, whose absolute one the run's file has too
    for name in "1234":
        Image.new("L", (8, 8)).save(f"images/{name}.png")
    run = tmp_path / "run"
    assert jinc("train", "--out", run, *tiny, "--data", "images").code == 0
    for path in run.iterdir():
        if path.name != "config.yaml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = jinc("train", "--out", run, "--resume", *tiny, "--data", "images")
    assert said.code == 0, said.err
    assert (run / "model").is_dir()


def test_scores_during_training(jinc, tiny, tmp_path) -> None:
    run, judge = tmp_path / "run", tmp_path / "judge"
    save_digit_classifier(judge, DigitClassifier(), "mnist", {})
    words = ("--score-every", 3, "--score-images", 40, "--best-by", "score")
    said = jinc("train", "--out", run, *tiny, *words, "--score-features", judge)
    assert said.code == 0, said
    log = Run.open(run).read_log()
    assert [entry["step"] for entry in log if "score" in entry] == [3, 6]
    facts = json.loads(jinc("info", run, "--json").out)
    assert facts["score"] == [entry["score"] for entry in log if "score" in entry][-1]
    assert (run / "best").is_dir()
    assert jinc("report", run, "--out", tmp_path / "page.html").code == 0
    assert "Fréchet distance" in (tmp_path / "page.html").read_text()
    for features in ("torchscript:x.pt", tmp_path / "nothing"):
        said = jinc("train", "--out", tmp_path / "no", *tiny, *words, "--score-features", features)
        assert (said.code, said.err.count("\n"), said.out) == (2, 1, ""), said
        assert not (tmp_path / "no").exists()


def test_a_spectral_model_is_described_and_refused_without_its_spectrum(
    jinc, refused, tiny, tmp_path, monkeypatch
) -> None:
    out = tmp_path / "spectral"
    assert jinc("train", "--out", out, *tiny, "--prediction", "spectral").code == 0
    assert "cosine waves" in jinc("info", out).out
    file = out / "model" / "diffusion.json"
    facts = json.loads(file.read_text())
    del facts["spectrum"]
    file.write_text(json.dumps(facts))
    monkeypatch.setattr("jinc.models.trained.check_manifest", lambda folder: None)
    refused(
        "sample",
        file.parent,
        "--out",
        tmp_path / "s",
        says="spectrum: is missing, and prediction spectral needs it",
    )
    upscaler = ("train", "--out", tmp_path / "u", *tiny, "--prediction", "edm", "--upscale", "2")
    refused(*upscaler, says="prediction: edm does not apply to upscale")
