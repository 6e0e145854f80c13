"""Numbers are as precise as their device knows them; here "meta" stands for one without float64."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from jinc.signal import disc, tables
from jinc.signal.tables import precise, to_device, widest

OTHER = torch.device("meta")


class Watched(TorchDispatchMode):
    """Remembers of what type tensors on the other device were."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor) and found.device == OTHER:
            self.seen.add(found.dtype)
        return found


@pytest.fixture
def without_float64(monkeypatch):
    known = tables.widest
    monkeypatch.setattr(
        tables, "widest", lambda device: torch.float32 if device == OTHER else known(device)
    )


def test_only_apples_devices_lack_float64() -> None:
    assert widest(torch.device("mps", 0)) == torch.float32
    assert {widest(torch.device(name)) for name in ("cpu", "cuda", "meta")} == {torch.float64}


def test_numbers_become_precise_where_they_are(without_float64) -> None:
    assert precise(0.1).item() == 0.1
    assert precise(torch.tensor([1, 2])).dtype == torch.float64
    there = precise(torch.zeros(2, device=OTHER))
    assert (there.device, there.dtype) == (OTHER, torch.float32)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64, torch.bool])
def test_what_is_brought_is_never_what_a_device_lacks(without_float64, dtype) -> None:
    x = torch.ones(3, dtype=dtype)
    assert to_device(x, x.device) is x
    with Watched() as watched:
        to_device(x, OTHER)
    assert watched.seen == {torch.float32 if dtype == torch.float64 else dtype}


def test_a_disc_is_drawn_on_the_host_and_brought() -> None:
    with Watched() as watched:
        inside = disc(9, 0.5, OTHER)
    assert watched.seen == {torch.bool}
    assert inside.shape == (9, 9)
