"""Prompts in numbers: by an encoder that is asked once for each, and from files of what it said."""

import pytest
import torch
from safetensors.torch import save_file

from jinc.errors import JincError
from jinc.models import (
    PromptEncoder,
    PromptTable,
    open_deepfloyd,
    open_deepfloyd_upscaler,
    open_prompt_encoder,
    read_prompts,
    write_prompts,
)


@pytest.fixture
def pipeline(make_pipeline, make_unet, make_scheduler, letters, make_reader):
    """A first stage with words."""
    return make_pipeline(make_unet(), make_scheduler(), letters, make_reader())


def ask(model, *prompts):
    x_t = torch.randn(len(prompts), 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model.prompted(prompts)(x_t, torch.full((len(prompts),), 20))


def test_every_prompt_is_encoded_once(pipeline):
    model = open_deepfloyd(pipeline)
    asked = pipeline.text_encoder.asked
    model.prompted(["a cat", "", "a cat", " A Cat  "])
    model.prompted(["", "a dog", "a cat"])
    assert len(asked) == 3
    same = ask(model, "a cat", " A CAT ")
    other = model.prompted(["a cat", "a dog"])
    assert torch.equal(model.embeddings(["a cat"]), model.embeddings([" A CAT "]))
    assert same.shape == (2, 3, 8, 8)
    assert not torch.equal(*other.embeddings)


def test_a_text_has_77_tokens_and_a_padding_mask(letters, make_reader):
    reader = make_reader()
    encoder = PromptEncoder.of(letters, reader)
    said = encoder("A cat")
    ((ids, mask),) = reader.asked
    assert said.shape == (77, 16)
    assert ids.shape == mask.shape == (1, 77)
    assert (int(mask.sum()), ids[0, 5:8].tolist()) == (6, [1, 0, 0])  # five letters and the end
    expected = reader.table(letters(["a cat"], "max_length", 77, return_tensors="pt").input_ids)
    torch.testing.assert_close(said, expected[0] + 6 / 77)
    assert not said.requires_grad


def test_encoders_other_than_t5_are_called_as_in_stable_diffusion(letters, make_reader):
    plain, masked = make_reader("clip_text_model"), make_reader("x", use_attention_mask=True)
    letters.model_max_length = 12
    assert PromptEncoder.of(letters, plain)("Cat").shape == (12, 16)
    PromptEncoder.of(letters, masked)("cat")
    ((ids, no_mask),), ((_, mask),) = plain.asked, masked.asked
    assert no_mask is None
    assert int(mask.sum()) == 4
    assert ids[0, 0] != masked.asked[0][0][0, 0]  # a capital letter is another
    letters.model_max_length = 10**30
    assert PromptEncoder.of(letters, plain)("cat").shape == (77, 16)


def test_long_texts_are_cut_with_a_warning(letters, make_reader):
    encoder = PromptEncoder.of(letters, make_reader())
    whole, long = "a" * 76, "a" * 76 + "bcd"
    encoder(whole)
    with pytest.warns(RuntimeWarning, match="has 80 tokens, 77 are read"):
        cut = encoder(long)
    assert torch.equal(cut, encoder(whole))


def test_a_file_stands_in_for_the_encoder(pipeline, make_first, tmp_path):
    said = open_deepfloyd(pipeline)
    file = tmp_path / "said.safetensors"
    write_prompts(file, open_prompt_encoder(pipeline), ["a cat", "A Dog", "a dog"])
    read = open_deepfloyd(make_first(), embeddings=file)
    for prompts in [("a cat", ""), ("A Dog", "a dog"), (" A CAT", "A dog")]:
        assert torch.equal(ask(read, *prompts), ask(said, *prompts))
    count = len(pipeline.text_encoder.asked)
    again = open_deepfloyd(pipeline, embeddings=str(file))
    assert torch.equal(ask(again, "a cat"), ask(said, "a cat"))
    assert len(pipeline.text_encoder.asked) == count


def test_stages_share_an_encoder(pipeline, make_second):
    one = open_deepfloyd(pipeline)
    two = open_deepfloyd_upscaler(make_second(), embeddings=one.embed)
    assert torch.equal(one.embeddings(["a cat"]), two.embeddings(["a cat"]))
    assert len(pipeline.text_encoder.asked) == 1


def test_a_table_of_ready_made_tensors(tmp_path, embeddings):
    """As pipelines hand them out, a batch of one; as torch saves them."""
    file = tmp_path / "said.pth"
    torch.save({prompt: value[None].half() for prompt, value in embeddings.items()}, file)
    table = read_prompts(file)
    for prompt, value in embeddings.items():
        assert torch.equal(table(prompt), value.half())


def test_unknown_prompts_are_refused_with_suggestions(first, embeddings, tmp_path):
    with pytest.raises(JincError, match=r"prompt: 'a rat' is not in .*did you mean 'a cat'"):
        first.prompted(["a rat"])
    with pytest.raises(JincError, match=r"there are '', 'a cat', 'a dog', 'an oil painting'$"):
        first.prompted(["xyzzy"])
    file = tmp_path / "said.safetensors"
    save_file({f"prompt {i}": torch.zeros(2, 3) for i in range(20)}, file)
    with pytest.raises(JincError, match=r"'' is not in .*said.safetensors; there are .*, …$"):
        read_prompts(file)("")


def test_what_is_no_table_is_refused(tmp_path):
    def refused(pattern, file):
        with pytest.raises(JincError, match=pattern) as told:
            read_prompts(file)
        assert "\n" not in str(told.value)

    file, pickled = tmp_path / "said.safetensors", tmp_path / "said.pt"
    refused("said.safetensors: No such file", file)
    refused("is a folder", tmp_path)
    file.write_bytes(b"damaged")
    refused("said.safetensors: cannot be read as", file)
    pickled.write_bytes(b"damaged")
    refused("said.pt: cannot be read as", pickled)
    torch.save({"a cat": print}, pickled)
    refused("said.pt: cannot be read as", pickled)
    torch.save(torch.zeros(2), pickled)
    refused("not weights by name|other things than weights by name", pickled)
    save_file({}, file)
    refused("holds no prompts", file)
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(2, 4)}, file)
    refused(r"one shape \[L, D\] is expected of all, got \[2, 3\] and \[2, 4\]", file)
    save_file({"a": torch.zeros(3)}, file)
    refused("one shape", file)
    save_file({"a": torch.zeros(2, 3, dtype=torch.long)}, file)
    refused("floating-point", file)
    with pytest.raises(JincError, match="'__metadata__' is no prompt"):
        write_prompts(file, PromptTable({"": torch.zeros(2, 3)}), ["__metadata__"])


def test_the_encoder_goes_where_the_network_goes(pipeline, embeddings):
    model = open_deepfloyd(pipeline)
    model.prompted(["a cat"])
    assert model.to("meta").device == torch.device("meta")
    assert next(pipeline.text_encoder.parameters()).device == torch.device("meta")
    assert model.embeddings(["a cat"]).device == torch.device("meta")  # as said before the move
    table = open_deepfloyd(pipeline, embeddings=embeddings).to("meta")
    assert table.embeddings(["a cat"]).device == torch.device("meta")
