"""Settings come back from YAML as they went, and a bad one is named."""

import math
from dataclasses import fields, replace

import pytest
import yaml

from jinc.errors import JincError
from jinc.train import Run, TrainConfig

OTHER = TrainConfig(
    original="runs/a",
    teacher=0.5,
    blend=0.25,
    data="a folder/with: colons # and ünïcode",
    split="all",
    loss_space="x0",
    image_size=32,
    channels=3,
    resize_filter="lanczos",
    skip_first=True,
    classes_from="names",
    skip_damaged=True,
    max_pixels=10**9,
    holdout=7,
    augment=("hflip", "rotation"),
    augment_labels=True,
    network="resunet",
    config="D-2N",
    width=8,
    levels=2,
    multipliers=(1, 3),
    blocks=1,
    attention=(),
    dropout=0.5,
    padding="circular",
    frame=True,
    conditional=True,
    init="another/run",
    schedule="cosine",
    timesteps=77,
    scale_betas=False,
    prediction="v",
    loss="huber",
    min_snr_gamma=5.0,
    complexity="normalised",
    complexity_weight=0.2,
    equivariance=0.5,
    moves="flip",
    label_dropout=0.1,
    noise_std=0.5,
    upscale=4,
    upscale_noise=0.3,
    steps=5,
    epochs=0.25,
    batch_size=3,
    accumulation=3,
    optimiser="adam",
    learning_rate=1e-5,
    lr_schedule="cosine",
    warmup=2,
    weight_decay=0.0,
    adam_betas=(0.5, 0.9),
    clip_gradient=1.0,
    ema_decay=(0.9, 0.99),
    seed=2**32 - 1,
    device="cpu",
    precision="bf16",
    compile=True,
    fsdp=True,
    workers=1,
    resident=True,
    log_every=1,
    sample_every=0,
    sample_epochs=(0.5, 2),
    sample_guidance=2.0,
    sample_with=("ddim", "ddpm"),
    score_every=4,
    score_images=9,
    score_features="own",
    best_by="score",
    checkpoint_every=2,
    keep=1,
    track=("tensorboard",),
)


@pytest.mark.parametrize("config", [TrainConfig(), OTHER, TrainConfig(data="123", config="null")])
def test_round_trip(tmp_path, config) -> None:
    config.write(tmp_path / "config.yaml")
    assert TrainConfig.read(tmp_path / "config.yaml") == config


def test_integers_for_floats_make_the_same_file(tmp_path) -> None:
    for name, epochs in (("one.yaml", 100), ("other.yaml", 100.0)):
        TrainConfig(data="digits", epochs=epochs).write(tmp_path / name)
    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "other.yaml").read_bytes()


def test_the_other_settings_all_differ() -> None:
    default = TrainConfig()
    same = [f.name for f in fields(default) if getattr(default, f.name) == getattr(OTHER, f.name)]
    assert not same


def test_omitted_settings_have_defaults(tmp_path) -> None:
    (tmp_path / "c.yaml").write_text("width: 8\nadam_betas: [0.5, 0.6]\nepochs: 3\n")
    expected = replace(TrainConfig(), width=8, adam_betas=(0.5, 0.6), epochs=3)
    assert TrainConfig.read(tmp_path / "c.yaml") == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("batch_size", "timesteps", "log_every", "checkpoint_every")),
        *((name, -1) for name in ("keep", "sample_every", "seed", "weight_decay", "steps")),
        *((name, "many") for name in ("batch_size", "epochs", "seed", "channels", "adam_betas")),
        *((name, math.nan) for name in ("epochs", "learning_rate", "weight_decay", "dropout")),
        *((name, math.inf) for name in ("epochs", "learning_rate", "weight_decay", "dropout")),
        *((name, 1.5) for name in ("batch_size", "steps", "width", "image_size")),
        *((name, True) for name in ("batch_size", "epochs", "channels")),
        *((name, None) for name in ("data", "config", "width", "seed", "augment_labels")),
        *((name, "nonsense") for name in ("split", "padding", "schedule", "resize_filter")),
        *((name, "nonsense") for name in ("network", "prediction", "loss", "complexity", "moves")),
        *((name, "nonsense") for name in ("optimiser", "lr_schedule", "precision", "augment")),
        *((name, ["nonsense"]) for name in ("augment", "track", "sample_epochs", "attention")),
        *((name, -0.1) for name in ("equivariance", "clip_gradient", "noise_std", "label_dropout")),
        *((name, [0]) for name in ("multipliers", "attention", "sample_epochs")),
        *((name, -1) for name in ("warmup", "holdout", "workers", "min_snr_gamma")),
        ("label_dropout", 1.1),
        ("dropout", 1),
        ("accumulation", 0),
        ("accumulation", 3),
        ("accumulation", 128),
        ("levels", 13),
        ("width", 4097),
        ("batch_size", 65_537),
        ("timesteps", 100_001),
        *((name, 10**21) for name in ("steps", "log_every", "keep", "warmup", "image_size")),
        *((name, 3) for name in ("data", "config", "fsdp", "device")),
        ("epochs", 0),
        ("steps", 0),
        ("learning_rate", 0),
        ("learning_rate", 1),
        ("ema_decay", 0.9),
        ("ema_decay", [0.9, 1]),
        ("ema_decay", [math.nan]),
        ("channels", 2),
        ("seed", 2**32),
        ("adam_betas", [0.9]),
        ("adam_betas", [0.9, 1]),
        ("adam_betas", [0.9, "x"]),
        ("adam_betas", 0.9),
        ("workers", 100_000),
        ("image_size", 100_000),
        ("blocks", 10**9),
        ("multipliers", [10**9]),
        ("sample_with", ["dimm"]),
        ("score_images", 1),
        ("best_by", "luck"),
    ],
)
def test_an_invalid_value_is_an_error(tmp_path, name, value) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump({name: value}))
    with pytest.raises(JincError) as caught:
        TrainConfig.read(file)
    assert str(caught.value).startswith(f"{file}: {name}: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(JincError, match=f"^{name}: "):
        TrainConfig(**{name: tuple(value) if isinstance(value, list) else value})


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("schedule: linear\ntimesteps: 50", False),
        ("schedule: scaled_linear\ntimesteps: 50", False),
        ("schedule: cosine\ntimesteps: 50", True),
        ("schedule: linear\ntimesteps: 1000", True),  # where it makes no difference
        ("schedule: linear\ntimesteps: 50\nscale_betas: true", True),
    ],
)
def test_older_runs_have_unscaled_betas(tmp_path, text, scaled) -> None:
    (tmp_path / "config.yaml").write_text(text)
    assert TrainConfig.read(tmp_path / "config.yaml").scale_betas is scaled


def test_relative_data_are_found_from_any_working_directory(tmp_path, monkeypatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    run = Run.create(tmp_path / "run", replace(OTHER, data="./data"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run.config.data == str(tmp_path / "data")
    file = run.path / "config.yaml"
    file.write_text(file.read_text().replace("data: ./data", "data: edited"))
    assert run.config.data == "edited"
    file.write_text(file.read_text().replace("data: edited", "data: ../data"))
    assert run.config.data == "../data"  # of a tree that was moved, say
    with pytest.raises(JincError, match="'data_at' is no setting"):
        TrainConfig.of_settings({"data_at": "x"}, "study.yaml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("widht: 8", "'widht' is no setting; did you mean width"),
        ("qqqq: 8", "'qqqq' is no setting$"),
        ("3: 8", "'3' is no setting"),
        ("- 1\n- 2", "values by name are expected"),
        ("", "values by name are expected"),
        ("width: [8", "is not valid YAML"),
        ("width: !!python/object/apply:os.system ['true']", "is not valid YAML"),
        ("\x00", "is not valid YAML"),
    ],
)
def test_a_malformed_file_is_an_error(tmp_path, text, reason) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(JincError, match=reason) as caught:
        TrainConfig.read(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_binary_and_missing_files_are_an_error(tmp_path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"data: \xff\xfe")
    for file in (tmp_path / "c.yaml", tmp_path / "none.yaml"):
        with pytest.raises(JincError, match=r"is not valid YAML|No such file"):
            TrainConfig.read(file)


@pytest.mark.parametrize(
    ("settings", "images", "steps"),
    [
        ({"epochs": 2, "batch_size": 10}, 100, 20),
        ({"epochs": 0.5, "batch_size": 10}, 100, 5),
        ({"epochs": 1, "batch_size": 64}, 3, 1),
        ({"epochs": 9, "steps": 7}, 100, 7),
    ],
)
def test_total_steps(settings, images, steps) -> None:
    assert TrainConfig(**settings).total_steps(images) == steps


def test_a_folder_with_files_is_not_used(tmp_path) -> None:
    run = Run.create(tmp_path / "run", OTHER)
    assert run.config == OTHER
    with pytest.raises(JincError, match=r"holds a run already.*--resume"):
        Run.create(tmp_path / "run", OTHER)
    (tmp_path / "other").mkdir()
    assert Run.create(tmp_path / "other", OTHER).config == OTHER
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    for path in (tmp_path / "mine", tmp_path / "mine" / "thesis.tex"):
        with pytest.raises(JincError, match="exists and is no run"):
            Run.create(path, OTHER)
    with pytest.raises(JincError, match=r"no config\.yaml"):
        Run.open(tmp_path / "mine")


def test_a_log_is_read_after_a_crash_and_truncated_on_resume(tmp_path) -> None:
    run = Run.create(tmp_path / "run", OTHER)
    assert run.read_log() == []
    for step in (5, 10, 15):
        run.append_log({"step": step, "loss": 1 / step})
    with run.log.open("a") as file:
        file.write('{"step": 20, "lo')
    assert [entry["step"] for entry in run.read_log()] == [5, 10, 15]
    run.forget_log_after(10)
    assert run.read_log() == [{"step": 5, "loss": 0.2}, {"step": 10, "loss": 0.1}]
    assert sorted(f.name for f in run.path.iterdir()) == ["config.yaml", "log.jsonl"]
