"""Terminals, pipes, encodings, environments and working folders of any kind."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from jinc.cli.terminal import NARROWEST, check_printed, prepare_terminal
from jinc.errors import JincError


def test_a_process_of_its_own_in_the_worst_surroundings(tmp_path) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken for NumPy')")
    reader, writer = os.pipe()
    os.close(reader)
    said = subprocess.run(
        [sys.executable, "-m", "jinc", "filters", "σ", "--out", "f.png"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "1"},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert said.returncode == 2
    assert said.stderr.startswith("jinc: config: '\\u03c3'")
    assert said.stderr.count("\n") == 1


@contextmanager
def piped(monkeypatch) -> Iterator[int]:
    """Print to a pipe as to standard output, and give the end that reads it."""
    reader, writer = os.pipe()
    before = os.dup(1)
    os.dup2(writer, 1)
    os.close(writer)
    ours = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "ascii")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", ours)
        patched.setattr(sys, "__stdout__", ours)
        prepare_terminal()
        try:
            yield reader
        finally:
            os.dup2(before, 1)
            os.close(before)


def test_letters_that_an_encoding_does_not_have_are_escaped(monkeypatch) -> None:
    with piped(monkeypatch) as reader:
        print("σ = 1")
        check_printed()
        said = os.read(reader, 100)
        os.close(reader)
    assert said == b"\\u03c3 = 1\n"


def test_a_reader_that_leaves_does_not_end_the_work(monkeypatch) -> None:
    with piped(monkeypatch) as reader:
        os.close(reader)
        for _ in range(3):
            print("x" * 100_000)
        check_printed()


def test_a_full_disk_is_reported_after_the_work(monkeypatch) -> None:
    with piped(monkeypatch) as reader:
        os.close(reader)
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, 1)
        os.close(full)
        print("x" * 100_000)
        with pytest.raises(JincError, match="standard output: No space left on device"):
            check_printed()


@pytest.mark.parametrize("columns", ["0", "1", "-5", "²", "9" * 50, "", "1e3"])
def test_help_at_any_width(jinc, monkeypatch, columns) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    said = jinc("illusion", "hybrid", "--help")
    assert (said.code, said.err) == (0, "")
    assert NARROWEST <= max(map(len, said.out.splitlines())) <= 1000


@pytest.mark.parametrize("lines", ["0", "-5", "²", "9" * 50, "", "1e3"])
def test_help_at_any_height(jinc, monkeypatch, lines) -> None:
    monkeypatch.setenv("LINES", lines)
    said = jinc("illusion", "hybrid", "--help")
    assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "WORLD_SIZE"])
@pytest.mark.parametrize("value", ["", "x", "-1", "²", "9" * 50])
def test_numbers_of_processes_that_are_none(jinc, monkeypatch, name, value) -> None:
    monkeypatch.setenv(name, value)
    said = jinc("info", "nowhere")
    assert said.code == 2
    assert said.err.startswith(f"jinc: {name}: '{value[:20]}' in the environment is no number")


def test_processes_that_have_no_place_to_meet(jinc, tiny, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    said = jinc("train", "--out", tmp_path / "run", *tiny)
    assert said.code == 2
    assert said.err.startswith("jinc: WORLD_SIZE is 2, but processes cannot connect (")
    assert said.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_too_many_workers(refused, tiny, tmp_path) -> None:
    words = ("train", "--out", tmp_path / "run", *tiny, "--workers", 100_000)
    refused(*words, says="workers: 100000 is not from 0 to 64")


def test_the_machine_and_its_forms(jinc, monkeypatch) -> None:
    facts = json.loads(jinc("info", "--device", "--json").out)
    assert facts["torch"] == torch.__version__
    monkeypatch.setenv("JINC_FUSED", "0")
    assert "JINC_FUSED=0 turns it off" in jinc("info", "--device").out
