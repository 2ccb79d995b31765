"""A pretrained text encoder, computed by the library transformers. Needs the extra ``[pretrained]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, RESERVED, Ids
from deepwell.models.ids import check_choice, check_ids
from deepwell.models.pretrained_config import FAMILIES, KNOWN, checked, longest
from deepwell.nn.masked import masked_mean

POOLS = ("first", "mean")


def library() -> Any:
    """The library transformers, imported when it is first needed.

    Raises:
        UserError: it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise UserError(
            "pretrained encoders need the library transformers, which is not installed",
            fix='pip install "deepwell[pretrained]", or leave --model out: the default needs nothing more',
        ) from None
    return transformers


def completed(config: Any) -> dict[str, Any]:
    """A config with the values that transformers fills in: another version's can't change a saved model.

    Raises:
        UserError: see ``checked``; sizes that do not go together.
    """
    kept = checked(config)
    made = _config(kept)
    return checked({"model_type": kept["model_type"], **{name: getattr(made, name, None) for name in KNOWN}})


class Pretrained(nn.Module):
    """An encoder with learnt weights; ids of ``inputs.Text`` to one vector a text.

    It is built by size alone: the weights come from the pretrained model's folder, or from a saved model.

    Args:
        shape: the number of ids: those of the encoder's own tokeniser, each ``RESERVED`` higher.
        config: of the encoder; see ``pretrained_config.checked``.
        pool: ``mean`` over the real tokens (Reimers 2019, arXiv:1908.10084), or the ``first`` one's vector
            (Devlin 2018, arXiv:1810.04805).
        freeze: use it as it is: no gradient, always in evaluation mode.
        dropout: everywhere in the encoder; None keeps its own.

    Raises:
        UserError: no config or one that can't be built, more ids than the encoder has.
    """

    def __init__(
        self,
        shape: Ids,
        *,
        config: Mapping[str, Any] | None = None,
        pool: str = "mean",
        freeze: bool = False,
        dropout: float | None = None,
    ) -> None:
        super().__init__()
        check_ids("hf", shape)
        if config is None:
            raise UserError("the model 'hf' was named without the encoder", expected="hf:PATH or hf:NAME")
        check_choice("pool", pool, POOLS)
        if type(freeze) is not bool:
            raise UserError(f"hf was given freeze={freeze!r}", expected="true or false")
        kept = checked(config)
        family = FAMILIES[kept["model_type"]]
        if dropout is not None:
            kept = checked(kept | dict.fromkeys(family.dropouts, dropout))
        made = _config(kept)
        if shape.vocabulary - RESERVED > made.vocab_size:
            raise UserError(
                f"the tokeniser has {shape.vocabulary - RESERVED:,} tokens and the encoder {made.vocab_size:,}",
                expected="a tokeniser and an encoder that belong together",
                fix="take tokenizer.json and config.json of the same model",
            )
        self.longest = longest(completed(kept))
        self.features = int(getattr(made, family.sizes[1]))
        self.pool = pool
        self.freeze = freeze
        self.padding = int(made.pad_token_id or 0)
        self.layers = int(getattr(made, family.sizes[0]))
        kind = getattr(library(), f"{family.name}Model")
        try:
            self.encoder: nn.Module = kind(made, add_pooling_layer=False) if family.pooler else kind(made)
        except (ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise UserError(f"the encoder can't be built ({error})", expected="sizes that go together") from None
        if freeze:
            self.encoder.requires_grad_(False)

    def extra_repr(self) -> str:
        """For printing."""
        return f"pool={self.pool}, freeze={self.freeze}"

    def train(self, mode: bool = True) -> Pretrained:
        """A frozen encoder stays in evaluation mode: dropout would blur what is the same in every epoch."""
        super().train(mode)
        if self.freeze:
            self.encoder.eval()
        return self

    def states(self, x: Tensor) -> Tensor:
        """The last layer's vector of every position, [n, length] to [n, length, features]; of no use at padding.

        Raises:
            UserError: more positions than the encoder has vectors for.
        """
        if x.shape[1] > self.longest:
            raise UserError(
                f"a text has {x.shape[1]} tokens",
                expected=f"at most {self.longest}, for which this encoder has learnt vectors",
                fix=f"cut texts (--max-length {self.longest})",
            )
        mask = x != PADDING
        # ids below RESERVED stand for no token of the encoder's: its first one takes their place
        ids = torch.where(mask, (x - RESERVED).clamp(min=0), self.padding)
        mask[:, 0] = True  # a row of padding alone would have nothing to attend to, and give NaN
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze):
            return self.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state

    def forward(self, x: Tensor) -> Tensor:
        """Ids [n, length], 0 at padding, to [n, features]."""
        h = self.states(x)
        return h[:, 0] if self.pool == "first" else masked_mean(h, x != PADDING, 1)

    def depths(self) -> dict[str, int]:
        """How many layers below the head each parameter lies: 1 for the last layer, the embeddings at the bottom."""
        found = {}
        for name, _ in self.named_parameters():
            number = re.search(r"\.layer\.(\d+)\.", name)
            found[name] = self.layers - int(number[1]) if number else self.layers + 1
        return found


def _config(kept: Mapping[str, Any]) -> Any:
    values = {name: value for name, value in kept.items() if name != "model_type"}
    try:
        return getattr(library(), f"{FAMILIES[kept['model_type']].name}Config")(**values)
    except UserError:
        raise
    except Exception as error:  # the library checks its values by means that differ from version to version
        raise UserError(f"the encoder's config can't be used ({error})", expected="sizes that go together") from None
