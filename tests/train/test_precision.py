import warnings

import pytest
import torch

from jinc.models import warn_of_slow_precision

ZEN3 = {"architecture": "x86_64", "avx2": True, "avx512_bf16": False, "amx_bf16": False}
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def messages(monkeypatch, capabilities, precision, device=CPU) -> list[str]:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_slow_precision(precision, device)
    return [str(each.message) for each in caught]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_emulated_precisions_warn(monkeypatch, precision) -> None:
    (message,) = messages(monkeypatch, ZEN3, precision)
    assert f"--precision {precision}" in message
    assert "fp32" in message


def test_native_precisions_do_not_warn(monkeypatch) -> None:
    for able in ("avx512_bf16", "amx_bf16"):
        assert not messages(monkeypatch, ZEN3 | {able: True}, "bf16")
    assert not messages(monkeypatch, ZEN3, "fp32")
    assert not messages(monkeypatch, ZEN3, "bf16", CUDA)
    assert not messages(monkeypatch, {"architecture": "aarch64"}, "bf16")


def test_a_torch_without_capabilities_does_not_warn(monkeypatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_slow_precision("bf16", CPU)
