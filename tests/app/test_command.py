"""`jinc app`: what stops it is one line, and it leaves nothing."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from jinc.app import command
from jinc.app.server import surroundings
from jinc.cli import main


@pytest.fixture
def refused(capsys) -> Callable[..., None]:
    def check(*words: object, says: str) -> None:
        with pytest.raises(SystemExit) as left:
            main(["app", *map(str, words)])
        out, err = capsys.readouterr()
        assert (left.value.code, out, err.count("\n")) == (2, "", 1), err
        assert says in err

    return check


def test_without_gradio_a_line_says_how_to_install_it(refused, monkeypatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    refused("tiny", says='pip install "jinc[app]"')


def test_addresses_are_checked_first(refused) -> None:
    pytest.importorskip("gradio", reason="Gradio is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused("tiny", "--port", port, says=f"--port: 127.0.0.1 {port}: Address already in use")
    refused("tiny", "--port", 0, says="--port: 0 is not from 1 to 65535")
    refused("tiny", "--port", port, "--host", "no.such.host.invalid", says="--host: no.such.host")
    refused("tiny", "--port", port, says="tiny: no such run or model folder")
    refused("digits", "--port", port, "--device", "warp", says="--device: 'warp'")


def test_the_surroundings_are_as_before() -> None:
    before = dict(os.environ)
    with surroundings() as folder:
        assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
        assert Path(os.environ["GRADIO_TEMP_DIR"]).parent == folder.parent
        (folder / "left").touch()
    assert dict(os.environ) == before
    assert not folder.parent.exists()
