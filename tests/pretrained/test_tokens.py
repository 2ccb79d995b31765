"""The tokeniser of a pretrained encoder as a way to read texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.pretrained.conftest import reviews, write_tokenizer

from deepwell.core.errors import UserError
from deepwell.core.shapes import RESERVED
from deepwell.inputs.text import Text

tokenizers = pytest.importorskip("tokenizers")
TEXTS, _ = reviews(12)
CLS, SEP = 2 + RESERVED, 3 + RESERVED


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tokens")
    write_tokenizer(folder)
    return (folder / "tokenizer.json").read_text(encoding="utf-8")


def learnt(description: str, **options: Any) -> Text:
    text = Text(tokens=description, **options)
    text.learn(TEXTS, torch.arange(len(TEXTS)))
    return text


def ids(text: Text, raw: str) -> list[int]:
    return text.encode([raw])[0].row(0).tolist()


def test_ids_are_the_tokeniser_s_own(description: str) -> None:
    plain = tokenizers.Tokenizer.from_str(description)
    plain.no_truncation()
    plain.no_padding()
    text = learnt(description)
    for raw in [*TEXTS, "", "unheard of: ☃ 你好", "x" * 300]:
        assert ids(text, raw) == [number + RESERVED for number in plain.encode(raw).ids]
    assert text.shape.vocabulary == RESERVED + plain.get_vocab_size()
    assert ids(text, "") == [CLS, SEP]


def test_a_long_text_keeps_its_closing_token(description: str) -> None:
    whole, cut = learnt(description), learnt(description, max_length=6)
    for raw in TEXTS:
        found = ids(cut, raw)
        assert found == [*ids(whole, raw)[:5], SEP]
        assert len(cut.positions([raw])[0]) == 6
    assert "of the training texts are longer than 6 tokens" in cut.notes[0]
    assert not whole.notes


def test_special_tokens_in_a_text_are_letters(description: str) -> None:
    assert ids(learnt(description), "good [SEP] film").count(SEP) == 1


def test_positions_are_places_in_the_text(description: str) -> None:
    raw = "The FILM was great number 12"
    tokens = learnt(description).positions([raw])[0]
    assert len(tokens) == len(ids(learnt(description), raw))
    assert all(raw[token.start : token.stop] == token.text for token in tokens)
    assert [tokens[0].text, tokens[-1].text] == ["", ""]
    assert "".join(token.text for token in tokens) == raw.replace(" ", "")


def test_half_a_character_is_no_error(description: str) -> None:
    assert ids(learnt(description), "good \ud800 film")[0] == CLS


def test_round_trip(description: str) -> None:
    text = learnt(description, max_length=9)
    again = Text.from_state(json.loads(json.dumps(text.state())))
    assert again.state() == text.state()
    assert str(again) == str(text)
    assert [ids(again, raw) for raw in TEXTS] == [ids(text, raw) for raw in TEXTS]


def damaged(state: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The state with parts of the tokeniser's description replaced."""
    inner = json.loads(state["tokenizer"])
    for path, value in changes.items():
        place, names = inner, path.split("__")
        for name in names[:-1]:
            place = place[name]
        place[names[-1]] = value
    return {**state, "tokenizer": json.dumps(inner)}


def test_damaged_states(description: str) -> None:
    state = learnt(description).state()
    cases = [
        {**state, "tokenizer": state["tokenizer"][:-50]},
        {**state, "tokenizer": "{}"},
        {**state, "tokenizer": "{" * 100_000},
        {**state, "tokenizer": {"model": {}}},
        {**state, "tokens": "bpe"},
        {**state, "tokens": "words"},
        {**state, "lower": True},
        {**state, "max_length": 2},
        damaged(state, model__type="Nothing"),
        damaged(state, model__vocab__good=4_000_000_000),  # the library would count up to it
        damaged(state, model__vocab__good=-1),
        damaged(state, added_tokens=[{"id": 10**9, "content": "[PAD]"}]),
        damaged(state, post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 10**9]}),
    ]
    for number, case in enumerate(cases):
        with pytest.raises(UserError):
            Text.from_state(case)
            pytest.fail(f"case {number} was taken")


def test_a_tokeniser_without_its_unknown_token(description: str) -> None:
    """The library finds it out at the first word that it does not know."""
    text = Text.from_state(damaged(learnt(description).state(), model__unk_token="nothing"))
    with pytest.raises(UserError, match="fails on a text"):
        text.encode(["☃"])


def test_the_state_neither_fills_nor_cuts(description: str) -> None:
    """A description that says so is not obeyed after loading either."""
    state = learnt(description).state()
    odd = damaged(state, truncation=json.loads(description)["truncation"], padding=json.loads(description)["padding"])
    assert ids(Text.from_state(odd), TEXTS[0]) == ids(Text.from_state(state), TEXTS[0])


def test_what_does_not_go_together(description: str) -> None:
    with pytest.raises(UserError, match="lower=True does not go"):
        Text(tokens=description, lower=True)
    with pytest.raises(UserError, match="view='counts' does not go"):
        Text(tokens=description, view="counts")
    with pytest.raises(UserError, match=r"2 special tokens.*at least 3"):
        learnt(description, max_length=2)


def test_without_the_library(description: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match=r"deepwell\[pretrained\]"):
        learnt(description)


def test_the_folder_s_own_file_is_read(tmp_path: Path) -> None:
    count = write_tokenizer(tmp_path)
    text = learnt((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    assert len(TEXTS[0].split()) + 2 <= len(ids(text, TEXTS[0]))
    assert text.shape.vocabulary == count + RESERVED
