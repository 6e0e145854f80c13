"""Whole runs of diffusers' own pipelines of DeepFloyd IF, and ours on the same noise."""

import pytest
import torch

from jinc.diffusion import cfg, ddpm, generate
from jinc.models import open_deepfloyd, open_deepfloyd_upscaler

pytest.importorskip("transformers")

PROMPTS = ["a cat", "a dog"]


@pytest.fixture
def scheduler(make_scheduler):
    """With a fixed variance, for ours is not learned; it limits at a share of 192 values."""
    return make_scheduler(variance_type="fixed_small", dynamic_thresholding_ratio=181 / 191)


def whole(kind, **parts):
    made = kind(
        tokenizer=None,
        text_encoder=None,
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
        **parts,
    )
    made.set_progress_bar_config(disable=True)
    return made


def drawing(seed=5):
    generator = torch.Generator().manual_seed(seed)
    return lambda like: torch.randn(like.shape, generator=generator)


def texts(embeddings):
    said = torch.stack([embeddings[prompt] for prompt in PROMPTS])
    silent = torch.stack([embeddings[""]] * 2)
    return {"prompt_embeds": said, "negative_prompt_embeds": silent}


def ours(model, denoiser, levels, x_T, noise):
    walk = {"method": ddpm("posterior"), "steps": levels, "noise": noise}
    return generate(model.limited(denoiser), model.schedule, x_T, **walk)


def test_the_first_stage(diffusers, make_unet, scheduler, embeddings, tmp_path):
    pipeline = whole(diffusers.IFPipeline, unet=make_unet(), scheduler=scheduler)
    expected = pipeline(
        **texts(embeddings),
        num_inference_steps=10,
        guidance_scale=6.0,
        generator=torch.Generator().manual_seed(5),
        output_type="pt",
    ).images
    levels = scheduler.timesteps.tolist()
    pipeline.save_pretrained(tmp_path)
    for source in (pipeline, tmp_path):
        model, noise = open_deepfloyd(source, embeddings=embeddings), drawing()
        guided = cfg(model.prompted(PROMPTS), model.prompted(["", ""]), 6.0)
        found = ours(model, guided, levels, noise(expected), noise)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_second_stage(diffusers, make_second, make_unet, make_scheduler, embeddings, tmp_path):
    # 768 values here, and a share that falls on one of them.
    scheduler = make_scheduler(variance_type="fixed_small", dynamic_thresholding_ratio=729 / 767)
    second = make_second(scheduler)
    pipeline = whole(
        diffusers.IFSuperResolutionPipeline,
        unet=second.unet,
        scheduler=scheduler,
        image_noising_scheduler=second.image_noising_scheduler,
    )
    low = torch.linspace(-1, 1, 96).view(2, 3, 4, 4)
    expected = pipeline(
        **texts(embeddings),
        image=low,
        noise_level=12,
        num_inference_steps=8,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(5),
        output_type="pt",
    ).images
    levels = scheduler.timesteps.tolist()
    pipeline.save_pretrained(tmp_path)
    for source in (pipeline, tmp_path):
        model, noise = open_deepfloyd_upscaler(source, embeddings=embeddings), drawing()
        x_T = noise(expected)
        up = model.upscaling(low, PROMPTS, 12, noise)
        found = ours(model, cfg(up, up.with_prompts(["", ""]), 4.0), levels, x_T, noise)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
