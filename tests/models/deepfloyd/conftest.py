"""Tiny random pipelines of DeepFloyd IF's kind, with a text encoder that needs no words."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from jinc.models import PromptTable, open_deepfloyd, open_deepfloyd_upscaler

WIDTH = 16
TOKENS = 77
PROMPTS = ("", "a cat", "a dog", "an oil painting")


@pytest.fixture(scope="session")
def diffusers():
    return pytest.importorskip("diffusers")


class Letters:
    """A tokenizer whose tokens are letters: 0 fills up, 1 is the end."""

    model_max_length = TOKENS

    def __call__(
        self, texts, padding=None, max_length=None, truncation=False, return_tensors=None, **_
    ):
        rows = [[2 + ord(letter) % 100 for letter in text] + [1] for text in texts]
        if truncation:
            rows = [[*row[: max_length - 1], 1] if len(row) > max_length else row for row in rows]
        mask = [[1] * len(row) for row in rows]
        if padding == "max_length":
            mask = [[*row, *[0] * (max_length - len(row))] for row in mask]
            rows = [[*row, *[0] * (max_length - len(row))] for row in rows]
        if return_tensors == "pt":
            rows, mask = torch.tensor(rows), torch.tensor(mask)
        return SimpleNamespace(input_ids=rows, attention_mask=mask)


class Reader(nn.Module):
    """An encoder that says what each letter is, and how many there are; it counts how often."""

    def __init__(self, model_type="t5", **settings):
        super().__init__()
        self.config = SimpleNamespace(model_type=model_type, **settings)
        self.table = nn.Embedding(102, WIDTH)
        self.asked = []

    def forward(self, input_ids, attention_mask=None):
        self.asked.append((input_ids, attention_mask))
        said = self.table(input_ids)
        if attention_mask is None:
            return (said,)
        return (said + attention_mask.sum(1).view(-1, 1, 1) / TOKENS,)


@pytest.fixture
def letters():
    return Letters()


@pytest.fixture
def make_reader():
    def make(model_type="t5", **settings):
        torch.manual_seed(7)
        return Reader(model_type, **settings)

    return make


@pytest.fixture(scope="session")
def embeddings():
    """Each prompt has a mean of its own, for what differs from token to token is averaged out."""
    generator = torch.Generator().manual_seed(3)

    def draw(tokens):
        return torch.randn(tokens, WIDTH, generator=generator)

    return {prompt: 2 * draw(1) + draw(TOKENS) for prompt in PROMPTS}


@pytest.fixture(scope="session")
def make_unet(diffusers):
    """A network of IF's blocks: text by cross-attention and by attention pooling."""

    def make(**options):
        torch.manual_seed(0)
        settings = {
            "sample_size": 8,
            "in_channels": 3,
            "out_channels": 6,
            "layers_per_block": 1,
            "block_out_channels": (8, 16),
            "norm_num_groups": 4,
            "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
            "encoder_hid_dim": WIDTH,
            "encoder_hid_dim_type": "text_proj",
            "cross_attention_dim": 32,
            "attention_head_dim": 8,
            "addition_embed_type": "text",
            "addition_embed_type_num_heads": 2,
            "cross_attention_norm": "group_norm",
            "resnet_time_scale_shift": "scale_shift",
            "act_fn": "gelu",
        }
        unet = diffusers.UNet2DConditionModel(**settings | options).eval()
        for parameter in unet.parameters():  # so that text is heard in what is predicted
            nn.init.normal_(parameter, std=0.3)
        return unet

    return make


@pytest.fixture(scope="session")
def make_scheduler(diffusers):
    def make(name="DDPMScheduler", **options):
        settings = {
            "num_train_timesteps": 40,
            "beta_schedule": "squaredcos_cap_v2",
            "variance_type": "learned_range",
            "thresholding": True,
            "dynamic_thresholding_ratio": 0.95,
            "sample_max_value": 1.5,
        }
        return getattr(diffusers, name)(**settings | options)

    return make


@pytest.fixture(scope="session")
def make_pipeline(diffusers):
    """A pipeline of any parts."""

    class TextPipeline(diffusers.DiffusionPipeline):
        _optional_components = ("tokenizer", "text_encoder", "image_noising_scheduler")

        def __init__(
            self,
            unet,
            scheduler,
            tokenizer=None,
            text_encoder=None,
            image_noising_scheduler=None,
        ):
            super().__init__()
            self.register_modules(
                unet=unet,
                scheduler=scheduler,
                tokenizer=tokenizer,
                text_encoder=text_encoder,
                image_noising_scheduler=image_noising_scheduler,
            )

    return TextPipeline


@pytest.fixture(scope="session")
def make_first(make_unet, make_scheduler, make_pipeline):
    """A pipeline of the first stage, without a text encoder."""

    def make(scheduler=None, **options):
        return make_pipeline(make_unet(**options), scheduler or make_scheduler())

    return make


@pytest.fixture(scope="session")
def make_second(make_unet, make_scheduler, make_pipeline):
    """A pipeline of the second stage, without a text encoder."""

    def make(scheduler=None, **options):
        settings = {"in_channels": 6, "class_embed_type": "timestep", "sample_size": 16}
        unet = make_unet(**settings | options)
        noising = make_scheduler(num_train_timesteps=30, thresholding=False)
        return make_pipeline(unet, scheduler or make_scheduler(), image_noising_scheduler=noising)

    return make


@pytest.fixture(scope="session")
def first(make_first, embeddings):
    """A model of the first stage."""
    return open_deepfloyd(make_first(), embeddings=PromptTable(embeddings))


@pytest.fixture(scope="session")
def second(make_second, embeddings):
    """A model of the second stage."""
    return open_deepfloyd_upscaler(make_second(), embeddings=PromptTable(embeddings))


@pytest.fixture
def counted():
    """Count the calls of a model's network, and the images in each."""

    def count(model):
        calls = []
        model.network.register_forward_pre_hook(lambda _, args: calls.append(len(args[0])))
        return calls

    return count
