"""Tables are made once, and serve wherever they were made."""

import torch
from torch import nn

from jinc.signal import extend, ideal_filtered_activation
from jinc.signal.padding import source_index
from jinc.signal.tables import cached_table


def counted():
    made = []

    @cached_table
    def table(size: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        made.append((size, dtype))
        return torch.arange(size, dtype=dtype)

    return table, made


def test_a_table_is_made_once_for_each_size_and_type() -> None:
    table, made = counted()
    assert table(3) is table(3)
    assert table(3, torch.float64).dtype == torch.float64
    assert len(table(4)) == 4
    assert made == [(3, torch.float32), (3, torch.float64), (4, torch.float32)]


def test_a_table_made_in_inference_serves_in_training() -> None:
    table, made = counted()
    with torch.inference_mode():
        table(3)
    weight = torch.ones(3, requires_grad=True)
    (weight * table(3)).sum().backward()
    assert weight.grad.tolist() == [0, 1, 2]
    assert len(made) == 1


def ideal(x: torch.Tensor) -> torch.Tensor:
    return ideal_filtered_activation(x, nn.functional.gelu, band="disc")


def test_what_uses_tables_can_be_inferred_compiled_and_trained_in_any_order() -> None:
    def both(x: torch.Tensor) -> torch.Tensor:
        return ideal(extend(extend(x, 2, 3, "reflect"), 1, 2, "circular"))

    x = torch.randn(1, 1, 7, 12, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with torch.inference_mode():
        expected = both(x).clone()
    traced = torch.compile(both, backend="aot_eager", fullgraph=True)
    for each in (both, traced, both):
        found = each(x)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
        (gradient,) = torch.autograd.grad(found.square().sum(), x)
        assert gradient.isfinite().all()
    for index in (
        source_index(7, 2, 3, "reflect", x.device),
        source_index(12, 1, 2, "circular", x.device),
    ):
        assert type(index) is torch.Tensor
        assert not index.is_inference()
