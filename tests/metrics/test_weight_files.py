"""Weight files: told by their hash, fetched whole or not at all, read without running code."""

import hashlib
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
import torch

from jinc.errors import JincError
from jinc.files import file_digest
from jinc.metrics import CifarResNet, open_extractor
from jinc.metrics.features.weight_files import (
    check_digest,
    fetched,
    network_digest,
    read_weights,
)

F4 = b'{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}'


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("ran").resolve(),))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "served"
    folder.mkdir()
    server = HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_fetched_once_and_checked(served, tmp_path) -> None:
    folder, url = served
    data = bytes(range(256)) * 9000  # more than a block
    (folder / "w.pth").write_bytes(data)
    right = hashlib.sha256(data).hexdigest()
    kept = tmp_path / "kept"
    with pytest.raises(JincError, match=r"w\.pth: SHA-256 is .*, not 000000"):
        fetched(f"{url}/w.pth", "0" * 64, kept)
    assert not list(kept.glob("*"))
    assert fetched(f"{url}/w.pth", right, kept).read_bytes() == data
    (folder / "w.pth").unlink()
    path = fetched(f"{url}/w.pth", right, kept)  # nothing is asked for any more
    path.write_bytes(data[:-1])
    with pytest.raises(JincError, match="is another file"):
        fetched(f"{url}/w.pth", right, kept)


def test_where_there_is_no_network(served, tmp_path) -> None:
    _, url = served
    for wrong in (f"{url}/nothing.pth", "http://127.0.0.1:9/w.pth"):
        with pytest.raises(JincError, match=r"cannot be downloaded .*; give the file by its path"):
            fetched(wrong, "0" * 64, tmp_path / "kept")


def test_a_digest_by_its_beginning(tmp_path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    assert file_digest(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    check_digest(file, "ba7816bf")
    with pytest.raises(JincError, match="is another file"):
        check_digest(file, "ba7816be")


def test_code_in_a_file_is_not_run(tmp_path) -> None:
    for name, data in {"p": pickle.dumps({"w": Bomb()}), "text": b"not weights", "e": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(JincError, match="cannot be read as weights"):
            read_weights(tmp_path / name)
    assert not Path("ran").exists()


def test_what_is_no_state_dict(tmp_path) -> None:
    file = tmp_path / "w.pth"
    for other in ([1, 2], {}, {"w": 3}):
        torch.save(other, file)
        with pytest.raises(JincError, match=r"w\.pth: holds"):
            read_weights(file)
    with pytest.raises(JincError, match=r"nowhere\.pth: No such file"):
        read_weights(tmp_path / "nowhere.pth")


def test_checkpoints_and_prefixes(tmp_path) -> None:
    torch.save({"state_dict": {"module.a": torch.ones(2)}, "epoch": 3}, tmp_path / "w.pth")
    assert read_weights(tmp_path / "w.pth")["a"].tolist() == [1.0, 1.0]


def test_a_network_is_identified_by_its_weights() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    before = network_digest(network)
    assert network_digest(network) == before
    network[1].running_mean[0] += 1e-7  # a buffer counts too
    assert network_digest(network) != before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 no archive",
        b"\x80\x02}q\x00.",
        (8).to_bytes(8, "little") + b"{" * 8,
        (60).to_bytes(8, "little") + F4.ljust(60) + b"0",
        (1 << 60).to_bytes(8, "little") + b"{",
    ],
)
def test_damaged_and_exotic_files_are_one_line(tmp_path, data) -> None:
    for name in ("w.safetensors", "w.pt"):
        (tmp_path / name).write_bytes(data)
        for word in (str(tmp_path / name), f"torchscript:{tmp_path / name}"):
            with pytest.raises(JincError, match=name) as caught:
                open_extractor(word, allow_torchscript=True)
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 300


def test_weights_of_8_bits_are_refused(tmp_path) -> None:
    weights = CifarResNet(1).state_dict()
    weights["conv1.weight"] = weights["conv1.weight"].to(torch.float8_e4m3fn)
    torch.save(weights, tmp_path / "w.th")
    with pytest.raises(JincError, match=r"conv1\.weight is float8_e4m3fn, 16 bits or more"):
        open_extractor(tmp_path / "w.th")
