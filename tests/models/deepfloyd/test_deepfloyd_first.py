"""The first stage: what it predicts, in as few calls as can be, and as diffusers walks with it."""

from functools import partial

import pytest
import torch

from jinc.diffusion import (
    anagram,
    cfg,
    clip,
    ddpm,
    dynamic_threshold,
    generate,
    hflip,
    identity,
    quarter_turns,
    sample,
    solve,
    vflip,
    x0_of,
)
from jinc.errors import JincError
from jinc.models import PixelModel, PromptTable, SamplingPlan, generate_images, open_deepfloyd

T = torch.tensor([7, 30])


def images(count=2, size=8, channels=3, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, size, size, generator=generator)


def told(embeddings, *prompts):
    return torch.stack([embeddings[prompt] for prompt in prompts])


@pytest.mark.parametrize(
    ("theirs", "ours"), [("epsilon", "eps"), ("sample", "x0"), ("v_prediction", "v")]
)
def test_it_predicts_what_its_network_does(make_first, make_scheduler, embeddings, theirs, ours):
    pipeline = make_first(make_scheduler(prediction_type=theirs))
    model = open_deepfloyd(pipeline, embeddings=embeddings)
    prompts = ("a cat", "")
    with torch.no_grad():
        output = pipeline.unet(images(), T, told(embeddings, *prompts)).sample
        found = model.prompted(prompts)(images(), T)
    assert output.shape[1] == 6
    expected = x0_of(model.schedule, ours, images(), T, output[:, :3])
    torch.testing.assert_close(found, expected)


def test_it_has_what_sampling_needs(first, diffusers):
    model: PixelModel = first
    assert (model.image_size, model.channels, model.timesteps) == ((8, 8), 3, 40)
    assert (model.class_names, model.guidable, model.scale_aware) == ((), True, True)
    assert model.device == torch.device("cpu")
    assert model.to("cpu") is model
    assert not first.network.training
    betas = diffusers.DDPMScheduler(40, beta_schedule="squaredcos_cap_v2").betas.double()
    torch.testing.assert_close(model.schedule.betas, betas, rtol=0, atol=1e-7)


def test_prompts_change_the_prediction(first):
    with torch.no_grad():
        answers = [first.prompted([p, p])(images(), T) for p in ("", "a cat", "a dog")]
    size = answers[0].square().mean().sqrt()
    for one, other in [(0, 1), (1, 2), (0, 2)]:
        assert (answers[one] - answers[other]).square().mean().sqrt() > 0.05 * size


def test_guidance_of_an_anagram_is_one_call(first, counted):
    calls = counted(first)
    names = ("a cat", "a dog")
    views = (identity(), quarter_turns(1))

    def guided(name):
        return cfg(first.prompted([name] * 2), first.prompted(["", ""]), 5.0)

    both = anagram([(view, guided(name)) for view, name in zip(views, names, strict=True)])
    together = generate(both, first.schedule, images(), steps=3)
    assert calls == [8, 8, 8]

    def alone(x_t, t):
        answers = []
        for view, name in zip(views, names, strict=True):
            c, u = (first.prompted([p] * 2)(view(x_t), t) for p in (name, ""))
            answers.append(view.inverse(u + 5 * (c - u)))
        return sum(answers) / 2

    calls.clear()
    apart = generate(alone, first.schedule, images(), steps=3)
    assert calls == [2] * 12
    torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-3)


def test_two_models_are_separate_calls(make_first, embeddings, counted):
    models = [
        open_deepfloyd(make_first(norm_num_groups=groups), embeddings=embeddings)
        for groups in (4, 2)
    ]
    calls = [counted(model) for model in models]
    leaves = [model.prompted(["a cat", "a dog"]) for model in models]
    with torch.no_grad():
        mixed = cfg(*leaves, 0.5)(images(), T)
        apart = [leaf(images(), T) for leaf in leaves]
    assert calls == [[2, 2], [2, 2]]
    torch.testing.assert_close(mixed, apart[0] / 2 + apart[1] / 2)


@pytest.mark.parametrize("guidance", [1.0, 6.0])
def test_ddpm_walks_as_their_pipeline_does(make_first, make_scheduler, embeddings, guidance):
    """The loop of `IFPipeline`, with a fixed variance: one is theirs, the other ours."""
    scheduler = make_scheduler(variance_type="fixed_small", thresholding=False)
    pipeline = make_first(scheduler)
    scheduler.set_timesteps(10)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(images().shape, generator=generator)
    texts = told(embeddings, "", "", "a cat", "a dog")
    with torch.no_grad():
        for t in scheduler.timesteps:
            output = pipeline.unet(torch.cat([x, x]), t, texts).sample[:, :3]
            empty, said = output.chunk(2)
            output = empty + guidance * (said - empty)
            x = scheduler.step(output, t, x, generator=generator).prev_sample

    model = open_deepfloyd(pipeline, embeddings=embeddings)
    generator = torch.Generator().manual_seed(5)

    def noise(like):
        return torch.randn(like.shape, generator=generator)

    guided = cfg(model.prompted(["a cat", "a dog"]), model.prompted(["", ""]), guidance)
    ours = generate(
        model.limited(guided),
        model.schedule,
        noise(images()),
        method=ddpm("posterior"),
        steps=scheduler.timesteps.tolist(),
        noise=noise,
    )
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("largest", [1.0, 1.5, 100.0])
@pytest.mark.parametrize("rank", [120, 181, 191])
def test_predictions_are_limited_as_theirs(make_first, make_scheduler, embeddings, largest, rank):
    """At a share that falls on one of the 192 values, so that none is between two."""
    scheduler = make_scheduler(dynamic_thresholding_ratio=rank / 191, sample_max_value=largest)
    model = open_deepfloyd(make_first(scheduler), embeddings=embeddings)
    loud = images() * torch.tensor([0.2, 3.0]).view(2, 1, 1, 1)
    expected = scheduler._threshold_sample(loud)
    assert float(expected.abs().max()) <= 1
    limited = model.limited(lambda x_t, t: x_t)
    torch.testing.assert_close(limited(loud, T), expected, rtol=1e-5, atol=1e-5)
    assert isinstance(limited, dynamic_threshold)


def test_without_thresholding_predictions_are_clipped(make_first, make_scheduler, embeddings):
    scheduler = make_scheduler(thresholding=False, clip_sample_range=2.0)
    model = open_deepfloyd(make_first(scheduler), embeddings=embeddings)
    limited = model.limited(lambda x_t, t: 3 * x_t)
    assert limited == clip(limited.denoiser, -2.0, 2.0)
    with pytest.raises(JincError, match="largest must be 1 or more"):
        dynamic_threshold(limited, largest=0.5)


def test_it_generates_as_our_models_do(first):
    plan = SamplingPlan(
        number=2,
        prompts=("a cat", "a dog"),
        guidance=3.0,
        sampler=partial(sample, method=ddpm("posterior")),
        steps=2,
    )
    *_, (numbers, last) = generate_images(first, plan)
    assert (list(numbers), last.t) == ([0, 1], -1)
    assert float(last.x_t.abs().max()) <= 1
    assert not torch.equal(*last.x_t)


def test_schedulers_of_diffusers_sample_it(first, theirs):
    denoiser = first.limited(first.prompted(["a cat", "a dog"]))
    *_, last = solve(denoiser, first.schedule, images(), scheduler=theirs("dpm++"), steps=4)
    assert bool(last.x_t.isfinite().all())


def test_a_network_of_less_precision_answers_in_ours(make_first, make_unet, embeddings):
    whole = open_deepfloyd(make_first(), embeddings=embeddings)
    pipeline = make_first()
    pipeline.unet.to(torch.bfloat16)
    rough = open_deepfloyd(pipeline, embeddings=embeddings)
    with torch.no_grad():
        found, expected = (m.prompted(["a cat", ""])(images(), T) for m in (rough, whole))
    assert found.dtype == torch.float32
    assert (found - expected).norm() < 0.1 * expected.norm()
    assert not torch.equal(found, expected)


def test_a_plain_conditional_network_is_one_too(make_pipeline, make_unet, make_scheduler):
    """Blocks of Stable Diffusion over pixels: no attention pooling, no variance, one channel."""
    unet = make_unet(
        in_channels=1,
        out_channels=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        encoder_hid_dim=None,
        encoder_hid_dim_type=None,
        cross_attention_dim=12,
        addition_embed_type=None,
        cross_attention_norm=None,
        resnet_time_scale_shift="default",
        act_fn="silu",
    )
    pipeline = make_pipeline(unet, make_scheduler(beta_schedule="linear", beta_end=0.2))
    table = PromptTable({"": torch.zeros(5, 12), "seven": torch.ones(5, 12)})
    model = open_deepfloyd(pipeline, embeddings=table)
    x_t = images(channels=1)
    with torch.no_grad():
        output = unet(x_t, T, torch.stack([table("seven"), table("")])).sample
        found = model.prompted(["seven", ""])(x_t, T)
    assert model.channels == 1
    torch.testing.assert_close(found, x0_of(model.schedule, "eps", x_t, T, output))


def test_what_does_not_fit_is_refused(first, make_first):
    for wrong in ("a cat", []):
        with pytest.raises(JincError, match="one for each image"):
            first.prompted(wrong)
    leaf = first.prompted(["a cat", "a dog"])
    for x_t in (images(3), images(channels=1)):
        with pytest.raises(JincError, match=r"images: \[2, 3, H, W\] is expected"):
            leaf(x_t, T)
    narrow = open_deepfloyd(make_first(), embeddings={"": torch.zeros(77, 15)})
    with pytest.raises(JincError, match="15 numbers a token, the network takes 16"):
        narrow.prompted([""])


def test_views_through_which_it_sees(first):
    """A mean over a group is equivariant, whatever the network: here of the two flips."""
    from jinc.diffusion import symmetrize

    group = [identity(), hflip(), vflip(), hflip().then(vflip())]
    leaf = symmetrize(first.prompted(["a cat", "a dog"]), group)
    with torch.no_grad():
        plain, flipped = leaf(images(), T), leaf(images().flip(-1), T)
    assert not torch.allclose(plain, plain.flip(-1), atol=1e-2)
    torch.testing.assert_close(flipped.flip(-1), plain, rtol=1e-3, atol=1e-3)
