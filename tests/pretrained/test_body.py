"""The body against transformers' own forward pass, text by text, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.pretrained.conftest import Writer, reviews

from deepwell.core.errors import UserError
from deepwell.core.shapes import Counts, Ids
from deepwell.data.text_table import from_texts
from deepwell.inputs.text import Text
from deepwell.models import build
from deepwell.models.pretrained_config import FAMILIES, checked
from deepwell.pretrained import find, load_into

transformers = pytest.importorskip("transformers")
TEXTS, LABELS = reviews(9)
DATA = from_texts(TEXTS, LABELS)
CONFIG = {
    "model_type": "bert", "vocab_size": 17, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 40,
}  # fmt: skip


def loaded(folder: Path, **options: Any) -> tuple[Any, torch.Tensor]:
    """Our body with the folder's weights, and the texts as its input, padded."""
    source = find(f"hf:{folder}", DATA)
    text = Text(**source.reading({}))
    text.learn(TEXTS, torch.arange(len(TEXTS)))
    body: Any = build("hf", text.shape, config=source.config, **options)
    load_into(body, source)
    return body.eval(), text.prepare(text.encode(TEXTS)[0].gather(torch.arange(len(TEXTS))))


@pytest.mark.parametrize("kind", sorted(FAMILIES))
@pytest.mark.parametrize("pool", ["mean", "first"])
def test_equal_to_transformers(write_encoder: Writer, kind: str, pool: str) -> None:
    """Each text alone and unpadded by transformers, all together and padded by us."""
    folder = write_encoder(kind)
    body, x = loaded(folder, pool=pool)
    assert bool((x == 0).any())
    theirs = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    with torch.no_grad():
        ours = body(x)
        for text, row in zip(TEXTS, ours, strict=True):
            ids = torch.tensor([tokenizer(text, truncation=False, padding=False)["input_ids"]])
            h = theirs(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
            torch.testing.assert_close(row, h.mean(0) if pool == "mean" else h[0], rtol=0, atol=1e-5)
    assert float(ours.std(0).mean()) > 0.01


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_every_parameter_has_a_depth_and_a_gradient(write_encoder: Writer, kind: str) -> None:
    body, x = loaded(write_encoder(kind))
    depths = body.depths()
    assert depths.keys() == dict(body.named_parameters()).keys()
    assert set(depths.values()) == {1, 2, 3}
    for name, depth in depths.items():
        assert depth == (1 if ".layer.1." in name else 2 if ".layer.0." in name else 3), name
    gradients = torch.autograd.grad(body(x).square().sum(), list(body.parameters()))
    assert all(torch.isfinite(g).all() for g in gradients)


def test_a_row_of_padding_alone_is_finite(encoder: Path) -> None:
    body, x = loaded(encoder)
    with torch.no_grad():
        found = body(torch.cat([x, torch.zeros_like(x[:1])]))
        torch.testing.assert_close(found[:-1], body(x), rtol=1e-5, atol=1e-5)
    assert torch.equal(found[-1], torch.zeros(16))


def test_frozen_has_no_gradient_and_no_dropout(encoder: Path) -> None:
    body, x = loaded(encoder, freeze=True, dropout=0.5)
    body.train()
    one, two = body(x), body(x)
    assert torch.equal(one, two)
    assert not one.requires_grad
    assert not any(p.requires_grad for p in body.parameters())


def test_dropout_is_the_encoder_s_or_ours(encoder: Path) -> None:
    for options, share in (({}, 0.1), ({"dropout": 0.4}, 0.4)):
        body, _ = loaded(encoder, **options)
        shares = {m.p for m in body.modules() if isinstance(m, torch.nn.Dropout)}
        assert shares == {share}


def test_more_positions_than_the_encoder_knows() -> None:
    body: Any = build("hf", Ids(20), config=CONFIG)
    assert body.longest == 40
    assert body(torch.full((1, 40), 4)).shape == (1, 16)
    with pytest.raises(UserError, match=r"41 tokens.*at most 40.*--max-length 40"):
        body(torch.full((1, 41), 4))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "gpt2"}, "of kind 'gpt2'.*an encoder"),
        ({"model_type": ["bert"]}, "of kind"),
        ({"is_decoder": True}, "a decoder"),
        ({"is_encoder_decoder": True}, "a decoder"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type.*absolute"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"hidden_size": 1e400}, "hidden_size is inf"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers"),
        ({"num_hidden_layers": True}, "num_hidden_layers"),
        ({"vocab_size": "17"}, "vocab_size is '17'"),
        ({"hidden_dropout_prob": 1.0}, "hidden_dropout_prob"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps"),
        ({"hidden_act": "__import__"}, "hidden_act.*one of gelu"),
        ({"num_attention_heads": 3}, "can't be"),
        ({"vocab_size": 5}, "17 tokens and the encoder 5"),
    ],
)
def test_a_config_that_can_not_be_meant(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        build("hf", Ids(20), config={**CONFIG, **change})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "hf:PATH or hf:NAME"),
        ({"config": [1]}, "config is list"),
        ({"config": CONFIG, "pool": "max"}, "unknown pool"),
        ({"config": CONFIG, "freeze": 1}, "freeze=1"),
        ({"config": CONFIG, "dropout": 1.5}, "from 0 to below 1"),
        ({"config": CONFIG, "initialisation": "he-normal"}, "option of hf"),
    ],
)
def test_an_option_that_can_not_be_meant(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        build("hf", Ids(20), **options)


def test_only_what_is_known_of_a_config_is_kept() -> None:
    """Neither names of code nor of kernels to be fetched reach the library."""
    odd = {"auto_map": {"AutoModel": "code.py"}, "_attn_implementation": "someone/kernel", "quantization_config": {}}
    assert checked({**CONFIG, **odd, "architectures": ["X"]}) == CONFIG
    assert json.loads(json.dumps(checked(CONFIG))) == CONFIG


def test_counts_are_no_sequence() -> None:
    with pytest.raises(UserError):
        build("hf", Counts(20, 2), config=CONFIG)  # type: ignore[arg-type]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"deepwell\[pretrained\]"):
        build("hf", Ids(20), config=CONFIG)


def test_the_library_is_imported_when_it_is_needed() -> None:
    code = (
        "import sys, deepwell.learner, deepwell.cli.main; "
        "print([m for m in ('transformers', 'tokenizers', 'huggingface_hub') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
