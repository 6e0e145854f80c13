"""Many processes do what one does, and what happens to one of them happens to all."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from jinc.cli import main
from jinc.errors import JincError, ToldElsewhere, told_once
from jinc.train import Processes, Run, TrainConfig
from jinc.train.processes import copies

SCRIPT = Path(__file__).with_name("processes_script.py")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
WORDS = (
    *("train", "--config", "A", "--width", "4", "--levels", "1", "--timesteps", "5"),
    *("--batch-size", "4", "--log-every", "1", "--device", "cpu"),
)
LAUNCHED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets; other tests may have left it in this process."""
CPU = torch.device("cpu")

definitions = runpy.run_path(str(SCRIPT))


def start(*words: object, by: Sequence[str] = TORCHRUN) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*by, *map(str, words)],
        env={n: v for n, v in os.environ.items() if n not in LAUNCHED} | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check(folder: Path, kind: str, by: Sequence[str] = TORCHRUN) -> Path:
    """Let two processes run the script."""
    out, err = (process := start(SCRIPT, folder, kind, by=by)).communicate(timeout=400)
    assert process.returncode == 0, err
    assert "arn" not in out + err, err  # nothing to warn of, the end included
    return folder


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return check(tmp_path_factory.mktemp("copies"), "copies", by=[sys.executable])


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return check(tmp_path_factory.mktemp("shards"), "shards")


@pytest.fixture
def one(tmp_path: Path) -> Callable[[str], Path]:
    """Do on one process what two have done."""

    def learn(name: str) -> Path:
        definitions["learn"](name, tmp_path / name, Processes(CPU))
        return tmp_path / name

    return learn


def found(folder: Path, what: str) -> tuple[object, object]:
    first, second = (json.loads((folder / f"{rank}.json").read_text())[what] for rank in (0, 1))
    return first, second


def distance(one: Path, two: Path) -> float:
    """Relative distance between the tensors of two files, all together."""
    a, b = load_file(one), load_file(two)
    assert a.keys() == b.keys()
    gap = sum((a[n].double() - b[n].double()).square().sum() for n in a)
    return float((gap / sum(t.double().square().sum() for t in a.values())).sqrt())


def agree(one: Path, two: Path) -> None:
    """Compare first gradients, losses, and all that was learned."""
    assert distance(one / "gradient.safetensors", two / "gradient.safetensors") <= 1e-5
    logs = [Run.open(folder).read_log() for folder in (one, two)]
    assert [e["step"] for e in logs[0]] == [e["step"] for e in logs[1]] != []
    for a, b in zip(*logs, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-4)
        assert b["gradient_norm"] == pytest.approx(a["gradient_norm"], rel=1e-3)
    (saved,) = (one / "checkpoints").iterdir()
    for file in saved.glob("*.safetensors"):
        assert distance(file, two / "checkpoints" / saved.name / file.name) < 1e-3


@pytest.mark.parametrize("name", definitions["COPIES"])
def test_two_processes_train_as_one(one, copied, name) -> None:
    agree(one(name), copied / name)


@pytest.mark.slow
@pytest.mark.parametrize("name", definitions["SHARDS"])
def test_two_sharded_processes_train_as_one(one, sharded, name) -> None:
    agree(one(name), sharded / name)


def not_applied(folder: Path) -> None:
    first, second = found(folder, "spoiled")
    assert first == second
    sums = first["sums"]
    same = [a == b for a, b in pairwise(sums)]
    # The second step is spoiled, then all from the fourth on.
    assert same == [True, False, *[True] * 5]
    assert (first["code"], first["step"]) == (3, 8)


def test_a_gradient_that_is_not_finite_on_one_process_is_applied_on_none(copied) -> None:
    not_applied(copied)
    report = json.loads((copied / "spoiled" / "not-finite.json").read_text())
    assert len(report["t"]) == len(report["indices"]) == definitions["TINY"]["batch_size"]


@pytest.mark.slow
def test_a_gradient_that_is_not_finite_is_applied_to_no_shard(sharded) -> None:
    not_applied(sharded)


def test_a_stop_request_to_one_process_stops_all(copied) -> None:
    assert found(copied, "stopped") == ([True, 2], [True, 2])
    (saved,) = (copied / "stopped" / "checkpoints").iterdir()
    assert saved.name == "step-00000002"


@pytest.mark.parametrize("kind", ["copied", pytest.param("sharded", marks=pytest.mark.slow)])
def test_no_thread_of_the_group_outlives_it(kind, request) -> None:
    for threads in found(request.getfixturevalue(kind), "threads"):
        assert not [name for name in threads if "gloo" in name]


def test_an_error_on_one_process_ends_all(copied) -> None:
    first, second = found(copied, "shared")
    assert first == [["ToldElsewhere", ""], ["JincError", "told by 0"], None]
    assert second == [["JincError", "told by 1"], ["ToldElsewhere", ""], None]
    assert found(copied, "disk") == ("No space left on device", "told elsewhere")


def test_the_main_process_goes_first(copied) -> None:
    first, second = found(copied, "first")
    assert first == ["read me", True, "JincError"]
    assert second == ["read me", False, "ToldElsewhere"]


@pytest.mark.slow
@pytest.mark.filterwarnings("always::RuntimeWarning")  # the command line prints them
def test_a_run_resumes_with_another_number_of_processes(tmp_path, capsys) -> None:
    run, straight = tmp_path / "run", tmp_path / "straight"
    process = start(
        "-m", "jinc", *WORDS, "--out", run, "--fsdp", "--steps", "60", "--sample-every", "2"
    )
    until(lambda: Run(run).samples(2).is_file(), process)  # drawn by all together
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=100)
    assert err.count("continue with --resume") == 1
    stopped = Run(run).read_log()[-1]["step"]
    assert 2 <= stopped < 60
    assert [f.name for f in (run / "checkpoints").iterdir()] == [f"step-{stopped:08d}"]

    resume = ("train", "--out", str(run), "--resume", "--sample-every", "0")
    main([*resume, "--no-fsdp"])
    assert capsys.readouterr().err.count("1 processes now, 2 before") == 1
    process = start("-m", "jinc", *resume, "--fsdp", "--steps", "63")
    _, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert err.count("2 processes now, 1 before") == err.count("steps 60 to 63") == 1

    main([*WORDS, "--out", str(straight), "--steps", "63", "--sample-every", "0"])
    logs = [Run(folder).read_log() for folder in (run, straight)]
    assert [e["step"] for e in logs[0]] == [*range(1, 64)]
    for a, b in zip(*logs, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-3)
    saved = "checkpoints/step-00000063/network.safetensors"
    assert distance(straight / saved, run / saved) < 1e-3


@pytest.mark.slow
def test_bad_input_is_printed_once(tmp_path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    process = start("-m", "jinc", *WORDS, "--out", tmp_path / "full")
    _, err = process.communicate(timeout=100)
    told = [line for line in err.splitlines() if line.startswith("jinc:")]
    assert told == [f"jinc: {tmp_path / 'full'}: exists and is no run; choose another --out"]
    assert "exitcode  : 2" in err
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["letter.txt"]


def until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(1000):
        if happened():
            return
        assert process.poll() is None
        time.sleep(0.1)
    pytest.fail("nothing has happened")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 12])
def test_processes_partition_the_rows(count) -> None:
    shares = [Processes(CPU, rank, count).rows(12) for rank in range(count)]
    assert [row for share in shares for row in range(12)[share]] == [*range(12)]


@pytest.mark.parametrize(
    ("settings", "count", "reason"),
    [
        ({"batch_size": 9}, 2, "batch_size: 9 is not a multiple of 2 processes"),
        (
            {"batch_size": 12, "accumulation": 4},
            2,
            "accumulation: 6 images per process do not split into 4",
        ),
        ({"complexity": "published"}, 2, "complexity: .* on one process"),
    ],
)
def test_batches_that_do_not_split_are_an_error(settings, count, reason) -> None:
    config = TrainConfig(**settings)
    Processes(CPU).check(config)
    Processes(CPU, 0, count).check(TrainConfig(batch_size=12, accumulation=3))
    with pytest.raises(JincError, match=reason):
        Processes(CPU, 0, count).check(config)


def test_one_process_needs_no_group(monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    network = torch.nn.Linear(1, 1)
    with Processes.join("cpu") as alone:
        assert (alone.device, alone.rank, alone.count) == (CPU, 0, 1)
        assert alone.gather(7) == [7]
        assert copies(network, alone) is network
        with alone.main_first():
            pass
        with pytest.raises(ZeroDivisionError), alone.together():
            raise ZeroDivisionError


def test_equal_errors_are_printed_once_a_node(monkeypatch) -> None:
    with pytest.raises(JincError, match=r"^no such device$"), told_once():
        raise JincError("no such device")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(ToldElsewhere, match=r"^$") as caught, told_once():
        raise JincError("no such device")
    assert caught.value.exit_code == 2
