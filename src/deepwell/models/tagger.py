"""The bidirectional LSTM that labels sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, RESERVED, UNKNOWN, Ids
from deepwell.models.ids import check_choice, check_ids, check_sizes, word_ids
from deepwell.nn.characters import CharacterCNN, CharacterLSTM, distinct_rows
from deepwell.nn.columns import Columns
from deepwell.nn.dropout import Dropout
from deepwell.nn.embedding import Embedding
from deepwell.nn.initialise import initialise
from deepwell.nn.recurrence import Recurrence

CHARACTERS = ("auto", "cnn", "lstm", "columns", "none")
_FEW = 3
"""Up to so many ids beside a word they are columns of their own, not the letters of a word."""


class BiLSTMTagger(nn.Module):
    """Words, and their characters where the data has them, through LSTMs in both directions (Huang 2015,
    arXiv:1508.01991; characters by convolution: Ma and Hovy 2016, arXiv:1603.01354; by an LSTM: Lample 2016,
    arXiv:1603.01360). The conditional random field that follows it in those papers is the output's head.

    Args:
        shape: the number of ids, and of characters if there are any.
        embedding: width of a word's vector.
        hidden: width of the state in each direction.
        layers: recurrent layers.
        characters_by: ``cnn``, ``lstm``, ``columns`` (each id beside the word by itself), or ``none``: leave them
            out; ``auto`` takes columns where there are at most three, else a CNN.
        character_embedding: width of a character's vector.
        character_features: width of a word's vector from its characters.
        word_dropout: share of the words that are replaced by the unknown one while training, so that its vector is
            learnt and characters and neighbours are relied on.
        dropout: of the word vectors, between the layers, and of the representation.
        initialisation: of the matrices, by name.

    >>> model = BiLSTMTagger(Ids(50, characters=30, width=4), hidden=8)
    >>> model(torch.tensor([[[4, 7, 8, 0, 0], [5, 9, 0, 0, 0], [0, 0, 0, 0, 0]]])).shape
    torch.Size([1, 3, 16])
    """

    def __init__(
        self,
        shape: Ids,
        *,
        embedding: int = 100,
        hidden: int = 128,
        layers: int = 1,
        characters_by: str = "auto",
        character_embedding: int = 30,
        character_features: int = 50,
        word_dropout: float = 0.0,
        dropout: float = 0.5,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_ids("bilstm-crf", shape)
        check_sizes("bilstm-crf", embedding=embedding, hidden=hidden, layers=layers)
        check_sizes("bilstm-crf", character_embedding=character_embedding, character_features=character_features)
        check_choice("characters_by", characters_by, CHARACTERS)
        if not isinstance(word_dropout, (int, float)) or not 0 <= word_dropout < 1:
            raise UserError(f"word_dropout is {word_dropout}", expected="a share from 0 to less than 1")
        self.word_dropout = word_dropout
        self.embedding = Embedding(shape.vocabulary, embedding)
        how = characters_by if shape.width else "none"
        if how == "auto":
            how = "columns" if shape.width <= _FEW else "cnn"
        self.characters: CharacterCNN | CharacterLSTM | Columns | None = None
        width = embedding
        if how == "columns":
            self.characters = Columns(shape.characters, columns=shape.width, embedding=character_features)
        elif how != "none":
            reader = CharacterCNN if how == "cnn" else CharacterLSTM
            self.characters = reader(shape.characters, embedding=character_embedding, features=character_features)
        if self.characters is not None:
            width += self.characters.features
        self.recurrence = Recurrence(width, hidden, layers=layers, bidirectional=True, dropout=dropout)
        self.dropout = Dropout(dropout)
        self.features = self.recurrence.features
        initialise(self, initialisation)
        for module in self.modules():
            if isinstance(module, Recurrence):
                module.initialise(initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Ids [n, length] or [n, length, 1 + width] to [n, length, features], with zeros at padding."""
        ids = word_ids(x).t()  # [length, n]: the recurrence takes one word of all sentences at a time
        mask = ids != PADDING
        vectors = self.embedding(self._hidden(ids))
        if self.characters is not None:
            spelt = _spelt(self.characters, x[..., 1:].transpose(0, 1).flatten(0, 1))
            vectors = torch.cat((vectors, spelt.view(*ids.shape, -1)), 2)
        states = self.recurrence(self.dropout(vectors), mask.sum(0))
        return self.dropout(states * mask[..., None]).transpose(0, 1)

    def _hidden(self, ids: Tensor) -> Tensor:
        """The ids, some of them unknown."""
        if not self.training or not self.word_dropout:
            return ids
        dropped = (torch.rand(ids.shape, device=ids.device) < self.word_dropout) & (ids >= RESERVED)
        return ids.masked_fill(dropped, UNKNOWN)


def _spelt(characters: nn.Module, rows: Tensor) -> Tensor:
    """Vectors of words from their characters, [words, width] to [words, features], each different word made once."""
    if torch.compiler.is_exporting():  # how many are different is not known to a graph
        return characters(rows)
    distinct, places = distinct_rows(rows)
    return characters(distinct).index_select(0, places)
