"""`jinc finetune`, on a run and on a pipeline of diffusers."""

import shutil
from pathlib import Path

import pytest

from jinc.train import Run

diffusers = pytest.importorskip("diffusers")

SHORT = ("--config", "D@6", "--steps", 2, "--batch-size", 4, "--sample-every", 0, "--device", "cpu")


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pipeline of images of digits."""
    folder = tmp_path_factory.mktemp("pipeline")
    unet = diffusers.UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    steps = diffusers.DDPMScheduler(num_train_timesteps=40, beta_schedule="squaredcos_cap_v2")
    diffusers.DDPMPipeline(unet, steps).save_pretrained(folder)
    return folder


def test_a_pipeline_is_finetuned_and_sampled(jinc, pipeline, tmp_path):
    run = tmp_path / "run"
    done = jinc("finetune", pipeline, "--out", run, *SHORT, "--teacher", 0.5, "--blend", 0.5)
    assert done.code == 0, done.err
    assert jinc("sample", run, "-n", 2, "--steps", 2, "--out", tmp_path / "made").code == 0
    assert '"network": "diffusers", "config": "D@6"' in jinc("info", run, "--json").out
    (tmp_path / "jinc.json").write_text('{"config": "D@6"}')
    same = ("--config", tmp_path / "jinc.json")
    moved = shutil.copytree(pipeline, tmp_path / "moved")
    again = jinc("finetune", moved, "--out", run, "--resume", *same, "--steps", 3)
    assert again.code == 0, again.err
    assert "steps 2 to 3" in again.err


def test_a_run_is_finetuned_scored_and_sampled(jinc, trained, judge, tmp_path):
    run = tmp_path / "run"
    scores = ("--score-every", 1, "--score-images", 4, "--score-features", judge)
    done = jinc(
        "finetune", trained, "--out", run, *SHORT, *scores, "--padding", "circular", "--blend", 1
    )
    assert done.code == 0, done.err
    assert f"scores over equivariance: {run / 'finetune.png'}" in done.out
    first, *others = (e for e in Run(run).read_log() if "score" in e)
    assert [first["step"], *(e["step"] for e in others)] == [0, 1, 2]
    assert first["original_equivariance"] + 3 < first["equivariance"]
    assert {"score", "equivariance", "original_score"} < first.keys()
    assert jinc("sample", run, "-n", 2, "--steps", 2, "--out", tmp_path / "made").code == 0


def test_what_cannot_be_finetuned_is_refused(refused, jinc, pipeline, trained, tmp_path):
    out = ("--out", tmp_path / "run")
    refused("finetune", tmp_path / "none", *out, says="none: no such run or model folder")
    refused("finetune", trained, *out, "--data", trained / "samples", says="samples")
    refused("finetune", pipeline, *out, "--image-size", 16, says="image_size: ")
    refused("finetune", pipeline, *out, "--label-dropout", 0.1, says="label_dropout: ")
    refused(
        "finetune",
        trained,
        *out,
        "--config",
        "R@6",
        "--padding",
        "zeros",
        says="R@6 has other weights than A",
    )
    refused("finetune", pipeline, *out, "--config", "R@6", says="config: R@6 cannot convert")
    refused("finetune", trained, says="--out: is required")
    (tmp_path / "jinc.json").write_text('{"config": "D@6", "designs": {"mid_block.*": "A"}}')
    refused("finetune", pipeline, *out, "--config", tmp_path / "jinc.json", says="designs by name")
    settings = pipeline / "scheduler" / "scheduler_config.json"
    usual = settings.read_text()
    settings.write_text(usual.replace("squaredcos_cap_v2", "linear").replace("0.02", "0.3"))
    try:
        refused("finetune", pipeline, *out, says="schedule: linear of its scheduler is none of")
    finally:
        settings.write_text(usual)


def test_other_kinds_of_models_are_refused(refused, jinc, tiny, tmp_path):
    upscaler = tmp_path / "upscaler"
    assert jinc("train", "--out", upscaler, *tiny, "--upscale", 2).code == 0
    refused("finetune", upscaler, "--out", tmp_path / "run", says="is an upscaler")
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "model_index.json").write_text('{"unet": ["diffusers", "UNet2DConditionModel"]}')
    refused("finetune", texts, "--out", tmp_path / "run", says="is conditioned on texts")
