"""A TorchScript file is a program: none runs unless a person says so at the command line."""

import json
import warnings

import pytest
import torch

from jinc.errors import JincError
from jinc.metrics import open_extractor

ALLOW = "--allow-torchscript"


@pytest.fixture
def program(tmp_path) -> str:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layers = torch.nn.Flatten(), torch.nn.Linear(64, 2)
        torch.jit.script(torch.nn.Sequential(*layers)).save(tmp_path / "x.pt")
    return f"torchscript:{tmp_path / 'x.pt'}?channels=1"


def test_no_program_is_loaded_without_the_flag(refused, jinc, program, monkeypatch) -> None:
    words = ("evaluate", "digits", "--against", "digits", "--features", program)
    with monkeypatch.context() as never:
        never.setattr("torch.jit.load", None)
        refused(*words, says="TorchScript is a program")
        refused("features", "statistics", *words[1:2], *words[4:], "--out", "s.npz", says=ALLOW)
        with pytest.raises(JincError, match=ALLOW):
            open_extractor(program)
    said = jinc("features", "statistics", "digits", *words[4:], "--out", "s.npz", ALLOW)
    assert said.code == 0, said
    assert open_extractor(program, allow_torchscript=True).name == "x"


@pytest.mark.parametrize("name", ["allow-torchscript", "allow_torchscript", "allowTorchscript"])
@pytest.mark.parametrize("form", ["{}: true\n", "evaluate: {{{}: true}}\n"])
def test_no_file_gives_the_flag(jinc, program, tmp_path, name, form) -> None:
    (tmp_path / "s.yaml").write_text(form.format(name))
    words = ("evaluate", "digits", "--against", "digits", "--features", program)
    said = jinc(*words, "--settings", tmp_path / "s.yaml")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "torchscript" in said.err


def test_a_study_needs_it_too(refused, jinc, program, tmp_path) -> None:
    (tmp_path / "s.yaml").write_text(
        "what: A\n"
        "train: {image_size: 8, width: 4, levels: 1, timesteps: 10, steps: 2, batch_size: 4,"
        " sample_every: 0, device: cpu}\n"
        f"data: {{digits: {{data: digits, score: {{features: '{program}', split: all}}}}}}\n"
        "configs: [A]\nseeds: [0]\nsample: {number: 16, steps: 2}\nscores: [frechet]\n"
    )
    words = ("study", "run", tmp_path / "s.yaml", "--out", tmp_path / "o", "--json")
    refused(*words, says=ALLOW)
    said = jinc(*words, ALLOW)
    assert said.code == 0, said
    assert json.loads(said.out)["missing"] == []
