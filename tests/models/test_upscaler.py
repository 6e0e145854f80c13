"""An upscaler as a denoiser: what it is shown, what it says, how it is kept."""

import json
from dataclasses import replace

import pytest
import torch

from jinc.diffusion import SeededNoise, Tiles, cfg, hflip, target
from jinc.errors import JincError
from jinc.models import Model, Upscaler, UpscalingDenoiser
from jinc.models import upscaler as module
from jinc.models.upscaler import LowResConditioning
from jinc.nn import Conditioning, CS180UNet, ResUNet, UNet
from jinc.signal import bicubic, block_mean

T = 40


def make(config: str = "D@6", classes: int = 0, prediction="v", most_noise: int = 10) -> Upscaler:
    """A network with random weights everywhere, for images of 16×16 and 8×8."""
    torch.manual_seed(classes)
    network = ResUNet(
        config,
        channels=1,
        width=8,
        multipliers=(1, 2),
        blocks=1,
        attention_levels=(),
        classes=classes,
        augmentations=1 if most_noise else 0,
        beside=1,
    )
    with torch.no_grad():  # what starts at zero would say nothing
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return Upscaler(
        network.eval(),
        (16, 16),
        tuple(f"class {i}" for i in range(classes)),
        "cosine",
        T,
        prediction,
        guidable=classes > 0,
        factor=2,
        spread=0.125,
        most_noise=most_noise,
    )


def silent(like):
    raise AssertionError("no noise is needed")


def smooth(batch: int = 2, height: int = 8, width: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(batch, 1, height, width, generator=generator)
    return torch.nn.functional.avg_pool2d(noise, 3, 1, 1).clamp(-1, 1)


def noisy(batch: int = 2, height: int = 16, width: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(batch, 1, height, width, generator=generator)


def test_the_signal_to_noise_of_the_rest_is_that_of_the_images_times_its_power() -> None:
    model = make()
    images, rests = (
        each.alpha_bars / (1 - each.alpha_bars)
        for each in (model.schedule, model.residual_schedule)
    )
    torch.testing.assert_close(images * model.spread**2, rests)
    assert len(model.schedule) == model.timesteps


@pytest.mark.parametrize("prediction", ["eps", "x0", "v", "flow"])
@pytest.mark.parametrize("level", [0, 7])
def test_a_perfect_network_denoises_perfectly(prediction, level) -> None:
    """With the truth in place of the network, x0 comes back, at every level of either noise."""
    model = make(prediction=prediction)
    x0, eps, t = smooth(T, 16, 16), noisy(T), torch.arange(T)
    low, alpha_bar = block_mean(x0, 2), model.schedule.alpha_bar(t).view(-1, 1, 1, 1)
    x_t = (alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps).float()
    denoiser = model.upscaling(low, [""] * T, level, SeededNoise(0, range(T)))
    rest = (x0 - denoiser.low_res.base) / model.spread
    seen = {}

    def truth(r_t, steps, condition):
        seen["r_t"] = r_t
        return target(model.residual_schedule, prediction, rest, steps, eps).float()

    model.network.forward = truth
    error = (denoiser(x_t, t) - x0).abs().amax((1, 2, 3)) * alpha_bar.flatten().sqrt()
    assert error.max() < 1e-5
    own = model.residual_schedule.alpha_bar(t).view(-1, 1, 1, 1)
    expected = (own.sqrt() * rest + (1 - own).sqrt() * eps).float()
    torch.testing.assert_close(seen["r_t"], expected, rtol=1e-3, atol=2e-4)


def test_who_knows_nothing_says_what_the_enlarged_image_says() -> None:
    model = make()
    with torch.no_grad():
        for weight in model.network.last.parameters():
            weight.zero_()
    low = smooth()
    last = torch.full((2,), T - 1)
    x0_hat = model.upscaling(low, ["", ""], 0, silent)(noisy(), last)
    torch.testing.assert_close(x0_hat, bicubic(low, 2), rtol=0, atol=1e-3)


@pytest.mark.parametrize("config", ["A", "B@6", "D@6"])
def test_every_question_has_the_answer_of_its_own_image(config) -> None:
    """Images do not see each other, nor do those of one question those of another."""
    model = make(config, classes=3)
    low, x_t, t = smooth(4), noisy(4), torch.tensor([0, 5, 20, T - 1])
    prompts = ["class 2", "", "0", "1"]
    together = model.upscaling(low, prompts, 3, SeededNoise(0, range(4)))(x_t, t)
    for i in range(4):
        alone = model.upscaling(low[i : i + 1], prompts[i : i + 1], 3, SeededNoise(0, [i]))
        torch.testing.assert_close(together[i], alone(x_t[i : i + 1], t[i : i + 1])[0])


def calls_of(model: Upscaler) -> list[int]:
    counted: list[int] = []
    model.network.register_forward_pre_hook(lambda _, args: counted.append(len(args[0])))
    return counted


def test_guidance_is_one_call_and_what_two_would_say() -> None:
    model = make(classes=3)
    low, x_t, t = smooth(), noisy(), torch.tensor([3, 30])
    calls = calls_of(model)
    told = model.upscaling(low, ["class 1", "class 2"], 5, SeededNoise(0, range(2)))
    plain = model.upscaling(low, ["", ""], 5, SeededNoise(0, range(2)))
    found = cfg(told, plain, 3.0)(x_t, t)
    assert calls == [4]
    conditional, unconditional = told(x_t, t), plain(x_t, t)
    torch.testing.assert_close(found, unconditional + 3 * (conditional - unconditional))
    assert (conditional - unconditional).abs().max() > 1e-3


def test_many_images_are_evaluated_in_parts(monkeypatch) -> None:
    model = make(classes=2)
    low, x_t, t = smooth(5), noisy(5), torch.arange(5)
    denoiser = model.upscaling(low, ["0", "1", "", "0", "1"], 2, SeededNoise(0, range(5)))
    whole = denoiser(x_t, t)
    monkeypatch.setattr(module, "PIXELS", 2 * 16**2)
    calls = calls_of(model)
    torch.testing.assert_close(denoiser(x_t, t), whole)
    assert calls == [2, 2, 1]


def test_the_small_image_matters_and_so_does_its_noise() -> None:
    model = make()
    low, x_t, t = smooth(), noisy(), torch.tensor([3, 30])
    clean = model.upscaling(low, ["", ""], 0, silent)(x_t, t)
    other = model.upscaling(low.flip(0), ["", ""], 0, silent)(x_t, t)
    assert (clean - other).abs().mean() > 0.05
    shown = []
    for level in (1, 10):
        denoiser = model.upscaling(low, ["", ""], level, SeededNoise(0, range(2)))
        assert isinstance(denoiser, UpscalingDenoiser)
        shown.append((denoiser.low_res.beside - bicubic(low, 2)).std())
        alpha_bar = float(model.residual_schedule.alpha_bar(level - 1))
        assert float(denoiser.low_res.amplitude[0]) == pytest.approx(
            (1 - alpha_bar) ** 0.5, rel=1e-4
        )
    assert shown[0] < 0.5 * shown[1]


def test_noise_on_small_images_is_drawn_once() -> None:
    asked = []

    def noise(like):
        asked.append(tuple(like.shape))
        return torch.zeros_like(like)

    make().upscaling(smooth(2, 20, 12), ["", ""], 4, noise)
    assert asked == [(2, 1, 20, 12)]


@torch.no_grad()
def test_a_louder_image_gives_a_louder_answer_where_another_is_shown() -> None:
    """The U-Net of the paper normalises its input away; beside another it cannot."""
    x, t = noisy(), torch.tensor([3, 30])
    change = {}
    for beside in (0, 1):
        torch.manual_seed(0)
        network = UNet("D@6", channels=1, width=4, levels=1, beside=beside).eval()
        shown = smooth(2, 16, 16) if beside else None
        soft, loud = (network(each, t, Conditioning(beside=shown)) for each in (x, 2 * x))
        change[beside] = float((loud - soft).abs().mean() / soft.abs().mean())
    assert change[0] < 1e-3 < 0.02 < change[1]
    assert make().scale_aware


@pytest.mark.parametrize("size", [(8, 20), (20, 8), (13, 17)])
def test_larger_images_are_tiles_of_the_whole_enlarged(size) -> None:
    """The enlarged image of all is cut, so that no tile sees an edge where there is none."""
    model, (height, width) = make(), size
    low, x_t, t = smooth(2, *size), noisy(2, 2 * height, 2 * width), torch.tensor([3, 30])
    effect = model.upscaling(low, ["", ""], 3, SeededNoise(0, range(2)))
    noise = SeededNoise(0, range(2))(low)
    levels = torch.full((2,), 3)
    whole = LowResConditioning.of(low, 2, model.residual_schedule, levels, noise)
    total = torch.zeros_like(x_t)
    for place, weight in zip(effect.tiles.places, effect.tiles.weights, strict=True):
        rows, columns = place
        assert (rows.start % 2, columns.start % 2) == (0, 0)
        small = model.upscaling(smooth(), ["", ""], 0, silent)
        leaf = replace(small, low_res=whole.crop(rows, columns))
        total[..., rows, columns] += weight * leaf(x_t[..., rows, columns], t)
    torch.testing.assert_close(effect(x_t, t), total.float())
    overlap = effect.tiles.overlap
    assert overlap == 4


@pytest.mark.parametrize("t", [0, 20, T - 1])
def test_tiles_leave_no_seam(t, monkeypatch) -> None:
    """What tiles change, against the network shown all at once, sets in nowhere.

    The step of that change from column to column is nowhere much larger than it usually is; at the
    edges of tiles that do not overlap it is.
    """
    model, low, x_t = make(), smooth(6, 8, 32), noisy(6, 16, 64)
    each, shown = (
        torch.full((6,), t),
        LowResConditioning.of(low, 2, model.residual_schedule, torch.zeros(6).long(), None),
    )

    def steps(effect) -> torch.Tensor:
        whole = replace(effect.denoisers[0], low_res=shown)
        with torch.no_grad():
            change = effect(x_t, each) - whole(x_t, each)
        return change.diff(dim=-1).abs().mean((0, 1, 2))

    smoothly = steps(model.upscaling(low, [""] * 6, 0, silent))
    monkeypatch.setattr(module, "Tiles", lambda size, tile, _, unit: Tiles(size, tile, 0, unit))
    abruptly = steps(model.upscaling(low, [""] * 6, 0, silent))
    assert smoothly.max() < 3 * smoothly.median()
    assert abruptly.max() > 5 * abruptly.median()
    assert {14, 15, 30, 31, 46, 47} >= set(abruptly.topk(2).indices.tolist())


def test_a_view_of_the_small_images_goes_with_one_of_the_noisy() -> None:
    model = make()
    low, x_t, t = smooth(), noisy(), torch.tensor([3, 30])
    seen = model.upscaling(low, ["", ""], 0, silent).through(hflip())
    flipped = model.upscaling(low.flip(-1), ["", ""], 0, silent)
    torch.testing.assert_close(seen(x_t, t), flipped(x_t, t))


FILES = ("config.json", "upscaling.json", "model.safetensors")


@pytest.mark.parametrize("classes", [0, 3])
def test_what_is_saved_is_what_is_loaded(tmp_path, classes) -> None:
    model = make(classes=classes)
    model.save(tmp_path / "model")
    assert {f.name for f in (tmp_path / "model").iterdir()} == {*FILES, "manifest.json"}
    again = Upscaler.load(tmp_path / "model")
    names = ("image_size", "class_names", "schedule_name", "timesteps", "prediction", "guidable")
    for name in (*names, "factor", "spread", "most_noise", "low_size"):
        assert getattr(again, name) == getattr(model, name), name
    assert not again.network.training
    x_t, t, prompts = noisy(), torch.tensor([3, 30]), ["", "0" if classes else ""]
    made = [
        each.upscaling(smooth(), prompts, 3, SeededNoise(0, range(2)))(x_t, t)
        for each in (model, again)
    ]
    assert torch.equal(*made)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_no_flipped_bit_is_loaded(tmp_path, name) -> None:
    make().save(tmp_path / "model")
    file = tmp_path / "model" / name
    data = file.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 20)):
        flipped = bytearray(data)
        flipped[place] ^= 4
        file.write_bytes(flipped)
        with pytest.raises(JincError):
            Upscaler.load(tmp_path / "model")


def test_facts_that_do_not_fit(tmp_path, monkeypatch) -> None:
    make("A").save(tmp_path)
    file = tmp_path / "upscaling.json"
    whole = json.loads(file.read_text())
    monkeypatch.setattr("jinc.models.trained.check_manifest", lambda _: None)
    for change in (
        {"factor": 3},
        {"factor": 1},
        {"factor": None},
        {"spread": 0},
        {"spread": float("nan")},
        {"spread": "some"},
        {"most_noise": -1},
        {"most_noise": T + 1},
        {"image_size": [15, 16]},
        {"class_names": ["one"]},
        {"schedule": "linar"},
        {"prediction": "noise"},
        {"resampling": {"down": "nearest", "up": "bicubic"}},
        {"resampling": None},
    ):
        file.write_text(json.dumps(whole | change))
        with pytest.raises(JincError) as caught:
            Upscaler.load(tmp_path)
        assert str(caught.value).startswith(f"{file}: "), change
        assert "\n" not in str(caught.value)


def test_a_network_that_is_shown_nothing_is_no_upscaler_and_the_reverse(
    tmp_path, make_model, monkeypatch
) -> None:
    monkeypatch.setattr("jinc.models.trained.check_manifest", lambda _: None)
    make().save(tmp_path / "up")
    make_model().save(tmp_path / "plain")
    up, plain = tmp_path / "up" / "upscaling.json", tmp_path / "plain" / "diffusion.json"
    facts = json.loads(up.read_text())
    up.with_name("diffusion.json").write_text(plain.read_text())
    up.unlink()
    with pytest.raises(JincError, match="takes 1 channels beside the noisy"):
        Model.load(tmp_path / "up")
    plain.unlink()
    plain.with_name("upscaling.json").write_text(json.dumps(facts | {"image_size": [8, 8]}))
    with pytest.raises(JincError, match="takes 0 channels beside the noisy"):
        Upscaler.load(tmp_path / "plain")


def test_one_kind_is_not_read_as_the_other(tmp_path, make_model) -> None:
    make().save(tmp_path / "up")
    make_model().save(tmp_path / "model")
    with pytest.raises(JincError, match=r"up: is an upscaler; see jinc upscale"):
        Model.load(tmp_path / "up")
    with pytest.raises(JincError, match=r"model: is a model of images, not an upscaler"):
        Upscaler.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("low", "prompts", "level", "says"),
    [
        (torch.zeros(1, 1, 8, 7), [""], 0, r"low: images of 8×7, this model takes 8×8 or larger"),
        (torch.zeros(1, 3, 8, 8), [""], 0, r"low: \[1, 3, 8, 8\] are not the images \[batch, 1,"),
        (torch.zeros(1, 8, 8), [""], 0, r"low: \[1, 8, 8\] are not"),
        (torch.zeros(2, 1, 8, 8), [""], 0, "prompts: 1 for 2 images"),
        (torch.zeros(1, 1, 8, 8), ["cat"], 0, "without classes"),
        (torch.zeros(1, 1, 8, 8), [""], 11, "level: 11 is not from 0 to 10"),
        (torch.zeros(1, 1, 8, 8), [""], -1, "level: -1"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(low, prompts, level, says) -> None:
    with pytest.raises(JincError, match=says) as caught:
        make().upscaling(low, prompts, level, torch.zeros_like)
    assert "\n" not in str(caught.value)


def test_other_images_than_were_shown() -> None:
    denoiser = make().upscaling(smooth(), ["", ""], 0, silent)
    with pytest.raises(JincError, match=r"images \[3, 1, 16, 16\] for small ones of"):
        denoiser(noisy(3), torch.zeros(3, dtype=torch.long))


@pytest.mark.parametrize(
    ("beside", "shown", "says"),
    [
        (0, torch.zeros(2, 1, 8, 8), "takes no images but the noisy"),
        (1, None, "this network needs 1 channels of images beside"),
        (1, torch.zeros(2, 3, 8, 8), r"\[2, 3, 8, 8\] is not \[2, 1, 8, 8\]"),
        (1, torch.zeros(1, 1, 8, 8), r"\[1, 1, 8, 8\] is not \[2, 1, 8, 8\]"),
        (1, torch.zeros(2, 1, 4, 4), r"\[2, 1, 4, 4\] is not \[2, 1, 8, 8\]"),
    ],
)
def test_what_a_network_is_not_shown(beside, shown, says) -> None:
    network = UNet("A", channels=1, width=4, levels=1, beside=beside)
    with pytest.raises(JincError, match=says):
        network(
            torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.long), Conditioning(beside=shown)
        )


def test_networks_that_are_shown_nothing_beside_refuse() -> None:
    network = CS180UNet("A", channels=1, width=2, image_size=8)
    condition = Conditioning(beside=torch.zeros(2, 1, 8, 8))
    with pytest.raises(JincError, match="takes no images but the noisy"):
        network(torch.zeros(2, 1, 8, 8), torch.zeros(2), condition)
    assert network.beside == 0


@pytest.mark.parametrize("kind", [UNet, ResUNet])
def test_a_network_of_before_is_shown_nothing_beside(tmp_path, kind) -> None:
    """Files that were written before there was such a thing."""
    kind("A", channels=1, width=4).save(tmp_path)
    file = tmp_path / "config.json"
    facts = json.loads(file.read_text())
    assert facts.pop("beside") == 0
    file.write_text(json.dumps(facts))
    assert kind.load(tmp_path).beside == 0
