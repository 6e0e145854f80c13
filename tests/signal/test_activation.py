"""Filtered activations: in steps and fused, against the slow form."""

import os
import warnings
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from jinc.errors import JincError
from jinc.signal import design_jinc, downsample, filtered_activation, fused, reference, upsample
from jinc.signal.fused import cpu, gpu
from jinc.signal.padding import PADDINGS

SIZES = [(8, 12), (5, 3), (1, 1)]


def images(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return 2 * torch.randn(*shape, generator=generator, dtype=dtype)


@pytest.fixture
def compiled() -> None:
    if reason := fused.forms()["cpu"]:
        pytest.skip(reason)


def agree(x: Tensor, atol: float, **settings) -> None:
    """Check output and gradient against the slow form in float64."""
    slow_x = x.detach().double().contiguous().requires_grad_()
    fast_x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    slow = reference.filtered_activation(slow_x, **settings)
    fast = filtered_activation(fast_x, **settings)
    g = torch.cos(torch.arange(slow.numel(), dtype=torch.float64)).reshape(slow.shape)
    torch.testing.assert_close(fast.double(), slow, rtol=0, atol=atol)
    slow.backward(g)
    fast.backward(g.to(fast))
    torch.testing.assert_close(fast_x.grad.double(), slow_x.grad, rtol=0, atol=10 * atol)
    assert fast.stride() == x.stride()


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("taps", "phase"), [(3, "cosited"), (6, "cosited"), (6, "half")])
@pytest.mark.parametrize("size", SIZES)
def test_steps_equal_slow(size, taps, phase, padding) -> None:
    kernel = design_jinc(taps, 0.25)
    agree(images(2, 3, *size), 1e-12, kernel=kernel, phase=phase, padding=padding)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("taps", range(2, 17, 2))
@pytest.mark.usefixtures("compiled")
def test_fused_equals_slow(taps, padding) -> None:
    """For every number of taps, also where maps are smaller and channels fill no vector."""
    settings = {"kernel": design_jinc(taps, 0.25), "kernel_up": design_jinc(taps, 0.2)}
    for shape in ((2, 11, 5, 7), (1, 16, 12, 20), (3, 1, 2, 1)):
        x = images(*shape, dtype=torch.float32)
        agree(x, 2e-6, kappa=0.3, padding=padding, **settings)


@pytest.mark.parametrize("activation", fused.ACTIVATIONS.values(), ids=fused.ACTIVATIONS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.usefixtures("compiled")
def test_fused_equals_slow_for_every_nonlinearity(layout, activation) -> None:
    x = images(2, 16, 8, 12, dtype=torch.float32).to(memory_format=layout)
    agree(x, 2e-6, kernel=design_jinc(6, 0.25), activation=activation)


@pytest.mark.parametrize("leak", [nn.LeakyReLU(0.2), partial(F.leaky_relu, negative_slope=3)])
@pytest.mark.usefixtures("compiled")
def test_leaky_relus_are_fused_and_equal_slow(leak, monkeypatch) -> None:
    monkeypatch.setattr("jinc.signal.activation._in_steps", None)
    x = images(2, 5, 8, 6, dtype=torch.float32)
    agree(x, 4e-6, kernel=design_jinc(6, 0.25), activation=leak)


@pytest.mark.usefixtures("compiled")
def test_nonlinearities_are_those_of_torch() -> None:
    """One tap of weight 1 does not filter; from far below zero to far above."""
    x = torch.linspace(-30, 30, 4001).reshape(1, 1, 1, -1)
    kernel = torch.ones(2, 2)
    for name, function in fused.ACTIVATIONS.items():
        y = fused.filtered_activation(x, kernel / 4, kernel, name, 0.0, "zeros")
        torch.testing.assert_close(y, function(x.double() / 4).float() * 4, rtol=2e-6, atol=4e-6)


@pytest.mark.usefixtures("compiled")
def test_what_is_not_finite_stays_so() -> None:
    x = torch.zeros(1, 3, 8, 8)
    x[0, 0, 4, 4] = torch.nan
    for activation in fused.ACTIVATIONS.values():
        y = filtered_activation(x, design_jinc(6, 0.25), activation)
        assert y[0, 0].isnan().any()
        assert y[0, 1:].isfinite().all()


@pytest.mark.usefixtures("compiled")
def test_threads_do_not_matter() -> None:
    x, kernel = images(3, 20, 9, 9, dtype=torch.float32), design_jinc(6, 0.25)
    one = filtered_activation(x, kernel)
    torch.set_num_threads(2)
    try:
        assert torch.equal(filtered_activation(x, kernel), one)
    finally:
        torch.set_num_threads(1)


@pytest.mark.usefixtures("compiled")
def test_transforms_of_functions_run_the_steps() -> None:
    x, kernel = images(2, 3, 4, 6, 8, dtype=torch.float32), design_jinc(6, 0.25).float()
    slopes = torch.func.grad(lambda x: filtered_activation(x, kernel).square().sum())
    torch.testing.assert_close(torch.vmap(slopes)(x), torch.stack([slopes(each) for each in x]))
    x.requires_grad_()
    filtered_activation(x[0], kernel).square().sum().backward()
    torch.testing.assert_close(slopes(x[0].detach()), x.grad[0])


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("side", [4, 12])
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's own
@pytest.mark.usefixtures("compiled")
def test_every_kind_of_derivative_is_the_same(side, padding) -> None:
    """Forward mode, which operators would silently take for zero, and `torch.func`."""
    kernel = design_jinc(6, 0.25).float()
    x, tangent = images(2, 1, 3, side, side, dtype=torch.float32).unbind()

    def smooth(x: Tensor) -> Tensor:
        return filtered_activation(x, kernel, padding=padding)

    needed = x.clone().requires_grad_()
    g = smooth(needed).detach()
    (gradient,) = torch.autograd.grad(smooth(needed), needed, g)
    slope = (gradient * tangent).sum()
    with forward_ad.dual_level():
        along = forward_ad.unpack_dual(smooth(forward_ad.make_dual(x, tangent))).tangent
    torch.testing.assert_close((g * along).sum(), slope, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(torch.func.jvp(smooth, (x,), (tangent,))[1], along)
    torch.testing.assert_close(torch.func.vjp(smooth, x)[1](g)[0], gradient)
    torch.testing.assert_close(torch.vmap(smooth)(x[None]), g[None])


def test_a_subclass_of_a_nonlinearity_computes_what_it_says() -> None:
    class Zero(nn.GELU):
        def forward(self, x: Tensor) -> Tensor:
            return 0 * x

    x = images(1, 1, 4, 4, dtype=torch.float32)
    assert not filtered_activation(x, design_jinc(6, 0.25), Zero(), kappa=0.0).any()


@pytest.mark.usefixtures("compiled")
def test_the_fused_form_compiles_without_a_break() -> None:
    kernel = design_jinc(6, 0.25)
    x = images(1, 4, 8, 8, dtype=torch.float32).requires_grad_()
    whole = torch.compile(
        lambda x: filtered_activation(2 * x, kernel), backend="aot_eager", fullgraph=True
    )
    expected = filtered_activation(2 * x, kernel)
    torch.testing.assert_close(whole(x), expected)
    gradients = [torch.autograd.grad(y.square().sum(), x)[0] for y in (whole(x), expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.usefixtures("compiled")
def test_second_derivatives_of_the_fused_form_are_those_of_the_steps(monkeypatch) -> None:
    kernel, found = design_jinc(6, 0.25), []
    for fused_or_not in ("1", "0"):
        monkeypatch.setenv("JINC_FUSED", fused_or_not)
        x = images(1, 2, 5, 4, dtype=torch.float32).requires_grad_()
        y = filtered_activation(x, kernel, F.silu)
        (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        found += torch.autograd.grad(gradient.square().sum(), x)
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_without_a_compiler_one_line_says_so(monkeypatch) -> None:
    """And the steps run."""
    monkeypatch.setenv("CC", "no-such-compiler")
    cpu._built.cache_clear()
    x, kernel = images(1, 2, 8, 8, dtype=torch.float32), design_jinc(6, 0.25)
    try:
        with pytest.warns(RuntimeWarning, match=r"no C compiler \(no-such-compiler\)") as said:
            y = filtered_activation(x, kernel)
        assert len(said) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert torch.equal(filtered_activation(x, kernel), y)
    finally:
        cpu._built.cache_clear()
    expected = reference.filtered_activation(x.double(), kernel)
    torch.testing.assert_close(y.double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("broken", ["fails", "is wrong"])
def test_kernels_that_do_not_work_on_a_gpu_are_not_used(monkeypatch, broken) -> None:
    def kernel(x: Tensor, *_: object) -> Tensor:
        if broken == "fails":
            raise RuntimeError("no such instruction")
        return 2 * x

    monkeypatch.setattr(gpu, "filtered_activation", kernel)
    with pytest.warns(RuntimeWarning, match="run slower on the GPU: .*(instruction|other values)"):
        assert gpu.fault(torch.device("cpu"))


def test_plain_activation_has_no_linear_path() -> None:
    kernel = design_jinc(12, 0.25)
    x = images(2, 3, 8, 8)
    plain = filtered_activation(x, kernel, kappa=0.0, padding="circular")
    u = upsample(x, kernel, padding="circular")
    torch.testing.assert_close(plain, downsample(F.gelu(u), kernel, padding="circular"))


def test_activation_of_a_linear_sigma_is_that_line() -> None:
    """With σ(u) = κ u the full-band activation is κ x exactly, whatever the filter stops."""
    x = images(2, 3, 8, 8)
    y = filtered_activation(x, design_jinc(6, 0.25), lambda u: 0.5 * u, kappa=0.5)
    torch.testing.assert_close(y, 0.5 * x, rtol=0, atol=1e-15)


def test_gradients_are_the_derivatives() -> None:
    kernel = design_jinc(6, 0.25)
    for padding in PADDINGS:
        x = images(2, 3, 3, 2).requires_grad_()
        check = torch.autograd.gradcheck
        assert check(lambda x, p=padding: filtered_activation(x, kernel, padding=p), x)


def test_an_unknown_padding_is_named() -> None:
    with pytest.raises(JincError, match="'edge' is not one of"):
        filtered_activation(images(1, 1, 4, 4), design_jinc(6, 0.25), padding="edge")


def test_other_devices_are_not_tried(monkeypatch) -> None:
    """A map on the CPU compiles nothing for a GPU."""
    monkeypatch.setattr(gpu, "obstacle", lambda: pytest.fail("the GPU was tried"))
    fused.serves(images(1, 1, 4, 4, dtype=torch.float32), 6)


@pytest.mark.usefixtures("compiled")
def test_images_that_32_bits_cannot_index_are_filtered_in_steps() -> None:
    one = torch.zeros(1)
    assert fused.serves(one.expand(1, 2**17, 2**7, 2**7 - 1), 6)
    assert not fused.serves(one.expand(1, 2**17, 2**7, 2**7), 6)


@pytest.mark.usefixtures("compiled")
def test_third_derivatives_of_the_fused_form_are_those_of_the_steps(monkeypatch) -> None:
    x, kernel = images(1, 2, 4, 4, dtype=torch.float32), design_jinc(6, 0.25)

    def third() -> torch.Tensor:
        at = x.clone().requires_grad_()
        found = filtered_activation(at, kernel, F.silu).square().sum()
        for _ in range(3):
            (found,) = torch.autograd.grad(found + at.pow(4).sum(), at, create_graph=True)
            first, found = found, found.square().sum()
        return first

    fused_form = third()
    monkeypatch.setenv("JINC_FUSED", "0")
    torch.testing.assert_close(fused_form, third(), rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("compiled")
def test_taps_that_are_learned_have_a_gradient() -> None:
    kernel = design_jinc(6, 0.25).to(torch.float32).requires_grad_()
    filtered_activation(images(1, 2, 8, 8, dtype=torch.float32), kernel).square().sum().backward()
    assert kernel.grad.abs().max() > 0


@pytest.mark.usefixtures("compiled")
def test_taps_that_do_not_suit_are_refused() -> None:
    x = images(1, 2, 8, 8, dtype=torch.float32)
    for kernel in (torch.rand(6, 6), torch.rand(6, 4), torch.ones(18, 18)):
        with pytest.raises(ValueError, match="taps are not"):
            fused.filtered_activation(x, kernel, kernel, "gelu", 0.5, "zeros")


@pytest.mark.usefixtures("compiled")
def test_extreme_values_have_the_derivatives_of_torch() -> None:
    values = torch.tensor([-1e38, -1e19, -300.0, -90.0, 90.0, 300.0, 1e19, 1e38])
    kernel, ones = torch.ones(2, 2), torch.ones(1, 1, 1, 8)
    for name in fused.ACTIVATIONS:
        x = values.reshape(1, 1, 1, -1)
        y = fused.filtered_activation(x, kernel / 4, kernel, name, 0.0, "zeros")
        passes = (x > 0) | (name == "identity")
        torch.testing.assert_close(y, torch.where(passes, x, 0), rtol=1e-6, atol=1e-5)
        slopes = fused.gradient(x, ones, kernel / 4, kernel, name, 0.0, "zeros")
        torch.testing.assert_close(slopes, passes.float(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("left", [0, 100, 12000])
def test_a_truncated_library_is_compiled_again(monkeypatch, tmp_path, left) -> None:
    if cpu.obstacle():
        pytest.skip(cpu.obstacle())
    monkeypatch.setenv("JINC_CACHE", str(tmp_path))
    file = cpu._file()
    whole = file.stat().st_size
    os.truncate(file, left)  # of 12,000 bytes the system would map a part, and kill the process
    library, reason = cpu._built.__wrapped__()
    assert library is not None
    assert not reason
    assert file.stat().st_size == whole


@pytest.mark.parametrize("words", ['"gcc', " "])
def test_a_compiler_that_is_no_command_is_named(monkeypatch, words) -> None:
    monkeypatch.setenv("CC", words)
    with pytest.warns(RuntimeWarning, match="run slower"):
        library, _ = cpu._built.__wrapped__()
    assert library is None
