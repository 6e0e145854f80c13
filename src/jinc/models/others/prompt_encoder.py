"""Embeddings of prompts by a text encoder, computed once for each prompt."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

TOKENS = 77
"""Length of texts for networks trained on captions, such as DeepFloyd IF."""


class Embedder(Protocol):
    """Embeds prompts: a `PromptEncoder`, or a `PromptTable` of stored embeddings."""

    def __call__(self, prompt: str) -> Tensor:
        """Return the embedding, `[L, D]`: D numbers for each of L tokens."""

    def to(self, device: torch.device | str) -> None:
        """Move to a device, if there is a network to move."""


@dataclass(frozen=True, eq=False)
class PromptEncoder:
    """A text encoder and its tokenizer, with a cache; an `Embedder`.

    Args:
        tokenizer: of `transformers`.
        encoder: tokens to embeddings.
        length: tokens of every text: shorter ones are padded, longer ones cut with a warning.
        masked: whether padding is masked in the encoder.
        lowered: whether texts are lower-cased and stripped.
    """

    tokenizer: Callable[..., Any]
    encoder: nn.Module
    length: int = TOKENS
    masked: bool = True
    lowered: bool = True
    _known: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, tokenizer: Any, encoder: nn.Module) -> "PromptEncoder":
        """Use the settings of pipelines: DeepFloyd IF's for T5, Stable Diffusion's for others."""
        settings: Any = encoder.config
        if getattr(settings, "model_type", None) == "t5":
            return cls(tokenizer, encoder)
        # A tokenizer that knows no limit says 10³⁰.
        longest = getattr(tokenizer, "model_max_length", TOKENS)
        length = int(longest) if longest < 10**6 else TOKENS
        masked = bool(getattr(settings, "use_attention_mask", False))
        return cls(tokenizer, encoder, length, masked, lowered=False)

    def __call__(self, prompt: str) -> Tensor:
        """Return the embedding, `[L, D]`, on the encoder's device."""
        text = plain(prompt) if self.lowered else prompt
        if text not in self._known:
            self._known[text] = self._encode(text)
        return self._known[text]

    def to(self, device: torch.device | str) -> None:
        """Move the encoder; cached embeddings move when they are used."""
        self.encoder.to(device)

    @torch.no_grad()
    def _encode(self, text: str) -> Tensor:
        tokens = self.tokenizer(
            [text],
            padding="max_length",
            max_length=self.length,
            truncation=True,
            add_special_tokens=True,
            return_tensors="pt",
        )
        whole = self.tokenizer([text], add_special_tokens=True).input_ids[0]
        if len(whole) > self.length:
            message = f"prompt: {text[:40]!r}… has {len(whole)} tokens, {self.length} are read"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        device = next(self.encoder.parameters()).device
        mask = tokens.attention_mask.to(device) if self.masked else None
        said: Tensor = self.encoder(tokens.input_ids.to(device), attention_mask=mask)[0]
        return said[0]


def plain(prompt: str) -> str:
    """Lower-case and strip a prompt, as DeepFloyd IF does.

    >>> plain(" A Cat ")
    'a cat'
    """
    return prompt.lower().strip()
