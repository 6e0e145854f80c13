"""Words: a tiny random T5 and its tokenizer, in a pipeline saved to a folder and read back."""

import pytest
import torch

from jinc.diffusion import cfg, ddpm, generate
from jinc.errors import JincError
from jinc.models import open_deepfloyd, open_prompt_encoder, write_prompts

transformers = pytest.importorskip("transformers")
sentencepiece = pytest.importorskip("sentencepiece")

WORDS = 60


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """Trained on a few lines; T5's has no token for a beginning, and fills up with the first."""
    folder = tmp_path_factory.mktemp("tokenizer")
    lines = ["a cat and a dog", "an oil painting of people around a campfire", "a snowy village"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 20),
        model_prefix=str(folder / "spiece"),
        vocab_size=WORDS,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    # Not `T5Tokenizer(vocab_file=…)`, which transformers 5 takes no notice of.
    return transformers.T5Tokenizer.from_pretrained(folder)


@pytest.fixture
def pipeline(diffusers, tokenizer, make_unet, make_scheduler):
    torch.manual_seed(0)
    settings = {"d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 2, "num_heads": 2}
    encoder = transformers.T5EncoderModel(
        transformers.T5Config(vocab_size=len(tokenizer), **settings)
    )
    made = diffusers.IFPipeline(
        tokenizer=tokenizer,
        text_encoder=encoder.eval(),
        unet=make_unet(),
        scheduler=make_scheduler(variance_type="fixed_small", dynamic_thresholding_ratio=181 / 191),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made


def test_texts_are_read_as_their_pipeline_reads_them(pipeline):
    encoder = open_deepfloyd(pipeline).embed
    texts = ["A cat ", "", "an oil painting of a dog"]
    expected, silent = pipeline.encode_prompt(texts)
    for text, said, nothing in zip(texts, expected, silent, strict=True):
        assert encoder(text).shape == (77, 16)
        torch.testing.assert_close(encoder(text), said, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(encoder(""), nothing, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(encoder("a cat"), encoder("a dog"))


def test_a_folder_with_words_is_read_back(pipeline, tmp_path):
    """From text, and from a file of what the text encoder said; as their own pipeline does it."""
    expected = pipeline(
        ["a cat", "a dog"],
        num_inference_steps=5,
        guidance_scale=6.0,
        generator=torch.Generator().manual_seed(5),
        output_type="pt",
        clean_caption=False,
    ).images
    levels = pipeline.scheduler.timesteps.tolist()
    folder, file = tmp_path / "whole", tmp_path / "said.safetensors"
    pipeline.save_pretrained(folder)
    write_prompts(file, open_prompt_encoder(folder), ["a cat", "a dog"])
    for source, embeddings in [(pipeline, None), (folder, None), (folder, file)]:
        model = open_deepfloyd(source, embeddings=embeddings)
        generator = torch.Generator().manual_seed(5)

        def noise(like, generator=generator):
            return torch.randn(like.shape, generator=generator)

        guided = cfg(model.prompted(["a cat", "a dog"]), model.prompted(["", ""]), 6.0)
        walk = {"method": ddpm("posterior"), "steps": levels, "noise": noise}
        found = generate(model.limited(guided), model.schedule, noise(expected), **walk)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_damaged_encoders_are_refused(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    weights = tmp_path / "text_encoder" / "model.safetensors"
    weights.write_bytes(b"damaged")
    with pytest.raises(JincError, match="safetensors: is damaged"):
        open_deepfloyd(tmp_path)
