"""Files of tensors are read by content, bounded by their size, and without running code."""

import json
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from jinc.errors import JincError
from jinc.tensors import read_metadata, read_tensors

WEIGHTS = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(2, dtype=torch.float16)}


def refused(says, file):
    with pytest.raises(JincError, match=says) as error:
        read_tensors(file)
    assert str(error.value).startswith(str(file))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300 + len(str(file))


@pytest.mark.parametrize("kind", ["safetensors", "pt", "old pt", "wrapped"])
def test_what_a_file_is_shows_in_its_content(tmp_path, kind):
    file = tmp_path / "weights.of.any.name"
    if kind == "safetensors":
        save_file(WEIGHTS, file, {"said": "so"})
    else:
        content = {"epoch": 7, "state_dict": OrderedDict(WEIGHTS)} if kind == "wrapped" else WEIGHTS
        torch.save(content, file, _use_new_zipfile_serialization=kind != "old pt")
    found = read_tensors(file)
    assert found.keys() == WEIGHTS.keys()
    for name, value in WEIGHTS.items():
        assert found[name].equal(value)
        assert found[name].dtype == value.dtype
    assert read_metadata(file) == ({"said": "so"} if kind == "safetensors" else {})


def header(entries, data=b""):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype, shape, size):
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}


@pytest.mark.parametrize(
    "data",
    [
        header(entry("F4", [2], 1), b"0"),
        header(entry("F6_E2M3", [4], 3), b"000"),
        header(entry("F8_E8M0", [2], 2), b"00"),
        header(entry("I3", [2], 2), b"00"),
        header(entry("F32", [2**62, 2**62], 8), b"0" * 8),
        header(entry("F32", [10**30], 8), b"0" * 8),
        header(entry("F32", [2], 10**12), b"0" * 8),
        header({"x": 1}),
        header({"__metadata__": {"a": 1}}),
        (10**9).to_bytes(8, "little") + b"{",
        (2**63).to_bytes(8, "little") + b"{",
        b"\x10" + bytes(7) + b"{" * 16,
    ],
    ids=range(12),
)
def test_odd_safetensors_are_read_or_refused(tmp_path, data):
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    try:
        found = read_tensors(file)
    except JincError as error:
        assert len(str(error)) < 300 + len(str(file))  # noqa: PT017
    else:
        assert sum(value.numel() for value in found.values()) <= 8


class Runs:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_pickles_run_nothing(tmp_path):
    file, mark = tmp_path / "x.bin", tmp_path / "ran"
    for data in (pickle.dumps(Runs(mark)), pickle.dumps({"a": Runs(mark)}, 0)):
        file.write_bytes(data)
        refused("cannot be read as weights", file)
    torch.save({"a": torch.ones(1), "b": Runs(mark)}, file)
    refused("other things than tensors, which would have to be executed", file)
    assert not mark.exists()


def test_programs_are_no_weights(tmp_path, recwarn):
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), tmp_path / "x.pt")
    recwarn.clear()
    refused("TorchScript program, which is not run", tmp_path / "x.pt")
    assert not recwarn


def test_tensors_are_no_larger_than_their_file(tmp_path):
    file = tmp_path / "x.pt"
    torch.save({"a": torch.ones(1).expand(10**9)}, file)
    refused("a is larger than its file", file)
    torch.save({"a": torch.sparse_coo_tensor([[0]], [1.0], (10**9,), check_invariants=True)}, file)
    refused("a is no dense tensor", file)
    torch.save({"a": torch.empty(10**9, device="meta")}, file)
    refused("a is ", file)


def test_archives_are_not_compressed(tmp_path):
    file = tmp_path / "x.pt"
    torch.save({"a": torch.zeros(10**6)}, file)
    members = {}
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    assert file.stat().st_size < 10**5
    refused("is compressed", file)


@pytest.mark.parametrize(
    "content", [[1], 3, {}, {3: torch.ones(1)}, {"a": 1}, torch.ones(2)], ids=str
)
def test_other_contents_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    refused("weights by name", tmp_path / "x.pt")
