"""The second stage: what it is shown, and as diffusers walks with it."""

import pytest
import torch
import torch.nn.functional as F

from jinc.diffusion import SeededNoise, anagram, cfg, ddpm, generate, hflip, identity, x0_of
from jinc.errors import JincError
from jinc.models import SamplingPlan, UpscalingModel, open_deepfloyd_upscaler, upscale_images

T = torch.tensor([7, 30])
PROMPTS = ["a cat", "a dog"]


def images(size=16, count=2, seed=1):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def low():
    return images(4, seed=2).clamp(-1, 1)


def noise():
    return SeededNoise(9, [0, 1])


def told(embeddings, *prompts):
    return torch.stack([embeddings[prompt] for prompt in prompts])


def shown(pipeline, level):
    """What their pipeline shows: the scheduler of small images adds the noise."""
    large = F.interpolate(low(), (16, 16), mode="bilinear", align_corners=True)
    levels = torch.full((2,), level)
    return pipeline.image_noising_scheduler.add_noise(large, noise()(large), levels), levels


@pytest.mark.parametrize("level", [0, 12, 29])
def test_it_predicts_what_its_network_does(make_second, embeddings, level):
    pipeline = make_second()
    model = open_deepfloyd_upscaler(pipeline, embeddings=embeddings)
    beside, levels = shown(pipeline, level)
    with torch.no_grad():
        texts = told(embeddings, *PROMPTS)
        seen = torch.cat([images(), beside], 1)
        output = pipeline.unet(seen, T, texts, class_labels=levels).sample
        found = model.upscaling(low(), PROMPTS, level, noise())(images(), T)
    expected = x0_of(model.schedule, "eps", images(), T, output[:, :3])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert (model.image_size, model.low_size, model.channels) == ((16, 16), (4, 4), 3)


def test_some_images_can_be_evaluated_alone(second, first):
    for leaf, size in (
        (second.upscaling(low(), PROMPTS, 12, noise()), 16),
        (first.prompted(PROMPTS), 8),
    ):
        whole = leaf(images(size), T)
        for place in (0, 1):
            alone = leaf.rows(torch.tensor([place]))(images(size)[[place]], T[[place]])
            torch.testing.assert_close(alone, whole[[place]], rtol=1e-4, atol=1e-5)


def test_every_condition_changes_the_prediction(second):
    plain = second.upscaling(low(), PROMPTS, 12, noise())
    others = [
        second.upscaling(low().flip(-1), PROMPTS, 12, noise()),
        second.upscaling(low(), PROMPTS, 13, noise()),
        second.upscaling(low(), PROMPTS, 12, SeededNoise(9, [2, 3])),
        plain.with_prompts(["", ""]),
        plain.through(hflip()),
    ]
    with torch.no_grad():
        expected = plain(images(), T)
        for other in others:
            assert (other(images(), T) - expected).norm() > 1e-3 * expected.norm()
        torch.testing.assert_close(
            second.upscaling(low(), PROMPTS, 12, noise())(images(), T), expected, rtol=0, atol=0
        )


def test_changed_prompts_and_views_are_as_built_directly(second):
    made = second.upscaling(low(), PROMPTS, 12, noise())
    other = made.with_prompts(["", "a dog"])
    anew = second.upscaling(low(), ["", "a dog"], 12, noise())
    assert torch.equal(other.embeddings, anew.embeddings)
    assert torch.equal(other.beside, anew.beside)
    # Bilinear enlarging commutes with a flip, and so does noise that is flipped too.
    flipped = second.upscaling(low().flip(-1), PROMPTS, 12, lambda like: noise()(like).flip(-1))
    torch.testing.assert_close(made.through(hflip()).beside, flipped.beside)


def test_guidance_of_an_anagram_is_one_call(second, counted):
    calls = counted(second)
    up = second.upscaling(low(), PROMPTS, 12, noise())
    parts = []
    for view, prompts in [(identity(), PROMPTS), (hflip(), PROMPTS[::-1])]:
        leaf = up.through(view)
        parts.append((view, cfg(leaf.with_prompts(prompts), leaf.with_prompts(["", ""]), 4.0)))
    both = anagram(parts)
    together = generate(second.limited(both), second.schedule, images(), steps=3)
    assert calls == [8, 8, 8]

    def alone(x_t, t):
        answers = [
            cfg(*(lambda x, t, d=d: d(x, t) for d in (g.conditional, g.unconditional)), 4.0)
            for _, g in parts
        ]
        turned = [v.inverse(a(v(x_t), t)) for (v, _), a in zip(parts, answers, strict=True)]
        return sum(turned) / 2

    apart = generate(second.limited(alone), second.schedule, images(), steps=3)
    assert calls[3:] == [2] * 12
    torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-3)


def test_ddpm_walks_as_their_pipeline_does(make_second, make_scheduler, embeddings):
    """The loop of `IFSuperResolutionPipeline`, with a fixed variance and guidance."""
    scheduler = make_scheduler(variance_type="fixed_small", thresholding=False)
    pipeline = make_second(scheduler)
    scheduler.set_timesteps(8)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(images().shape, generator=generator)
    texts = told(embeddings, "", "", *PROMPTS)
    beside, levels = shown(pipeline, 12)
    with torch.no_grad():
        for t in scheduler.timesteps:
            seen = torch.cat([torch.cat([x, beside], 1)] * 2)
            output = pipeline.unet(seen, t, texts, class_labels=levels.repeat(2)).sample[:, :3]
            empty, said = output.chunk(2)
            x = scheduler.step(empty + 4 * (said - empty), t, x, generator=generator).prev_sample

    model = open_deepfloyd_upscaler(pipeline, embeddings=embeddings)
    generator = torch.Generator().manual_seed(5)

    def fresh(like):
        return torch.randn(like.shape, generator=generator)

    up = model.upscaling(low(), PROMPTS, 12, noise())
    ours = generate(
        model.limited(cfg(up, up.with_prompts(["", ""]), 4.0)),
        model.schedule,
        fresh(images()),
        method=ddpm("posterior"),
        steps=scheduler.timesteps.tolist(),
        noise=fresh,
    )
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


def test_it_upscales_as_our_models_do(second, counted):
    model: UpscalingModel = second
    calls = counted(model)
    plan = SamplingPlan(prompts=PROMPTS, guidance=4.0, steps=3)
    *_, last = upscale_images(model, low(), plan, level=12)
    assert calls == [4, 4, 4]
    assert (last.t, last.x_t.shape) == (-1, (2, 3, 16, 16))
    assert float(last.x_t.abs().max()) <= 1


def test_larger_images_are_taken_too(second):
    wide = torch.zeros(1, 3, 4, 6)
    leaf = second.upscaling(wide, [""], 0, SeededNoise(0, [0]))
    assert leaf(torch.zeros(1, 3, 16, 24), T[:1]).shape == (1, 3, 16, 24)


def test_what_does_not_fit_is_refused(second):
    for level in (-1, 30):  # their noise has 30 levels, and it was never told of none
        with pytest.raises(JincError, match=f"level: 0 to 29 is expected, got {level}"):
            second.upscaling(low(), PROMPTS, level, noise())
    with pytest.raises(JincError, match=r"low: \[1, 3, h, w\] is expected, got \[2, 3, 4, 4\]"):
        second.upscaling(low(), ["a cat"], 3, noise())
    leaf = second.upscaling(low(), PROMPTS, 3, noise())
    with pytest.raises(JincError, match="prompts: 2 are expected, got 1"):
        leaf.with_prompts([""])
    with pytest.raises(JincError, match=r"images: \[2, 3, 16, 16\] is expected"):
        leaf(images(8), T)
