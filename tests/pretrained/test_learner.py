"""Training with a pretrained encoder: frozen, fine-tuned layer by layer, resumed, saved, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.pretrained.conftest import Writer, reviews
from torch import Tensor

import deepwell as dw
from deepwell import frozen, recipe
from deepwell.core.errors import UserError
from deepwell.learner import Learner
from deepwell.saved.model_file import read, write

transformers = pytest.importorskip("transformers")
TEXTS, LABELS = reviews(60)
QUICK: dict[str, Any] = {"threads": 1, "exact": True, "learning_rate": 3e-3, "epochs": 2, "batch_size": 16}


def learner(folder: Path, **options: Any) -> Learner:
    return Learner(dw.texts(TEXTS, LABELS), f"hf:{folder}", **{**QUICK, **options})


def weights(network: Any) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


class StopAfter:
    """Ends a training after so many steps, politely."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, record: Any) -> None:
        if record.step >= self.step:
            os.kill(os.getpid(), signal.SIGINT)


# ---- frozen


@pytest.mark.parametrize("pool", ["mean", "first"])
def test_frozen_stays_bit_for_bit(encoder: Path, pool: str) -> None:
    trained = learner(encoder, freeze=True, epochs=60, learning_rate=0.1, l1=1e-4, pool=pool)
    before = weights(trained.build())
    history = trained.fit(progress=False)
    after = weights(trained.network)
    for name, value in before.items():
        assert torch.equal(value, after[name]) == name.startswith("body."), name
    assert history["loss"][-1] < 0.9 * history["loss"][0]  # features of random weights tell little
    assert history.why.startswith("its encoder stays as it is")


def test_frozen_features_are_those_of_the_whole_network(encoder: Path) -> None:
    made = learner(encoder, freeze=True)
    network, prepared = made.build().eval(), made.prepared()
    head, ready = frozen.features(network, prepared)
    rows = torch.from_numpy(np.concatenate([prepared.split.train, prepared.split.validation]))
    with torch.no_grad():
        whole = network(prepared.input.prepare(prepared.rows.gather(rows)))
        torch.testing.assert_close(head(ready.rows.gather(rows)), whole, rtol=1e-5, atol=1e-5)


def test_frozen_features_are_computed_once(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    made = learner(encoder, freeze=True, epochs=5)
    body: Any = made.build().body
    body.encoder.register_forward_hook(lambda *_: calls.append(1))
    made.fit(progress=False, check=False)
    assert len(calls) == 1  # 60 texts are one batch, over all epochs and the validation
    made.fit(progress=False, check=False)
    assert len(calls) == 1  # from the cache
    with torch.no_grad():
        next(body.parameters()).add_(0.1)
    made.fit(progress=False, check=False)
    assert len(calls) == 2  # another encoder has other features


def test_few_texts_leave_the_encoder_as_it_is(encoder: Path) -> None:
    made = learner(encoder)
    made.build()
    assert made.settings.freeze is True
    assert made.why == "its encoder stays as it is: 54 texts are few to change it by"


@pytest.mark.parametrize(
    ("samples", "seconds", "given", "freeze", "words"),
    [
        (999, 1.0, {}, True, "999 texts are few"),
        (1_000, 1.0, {}, False, "1,000 texts are enough"),
        (5_000, 6_000.0, {}, True, "about 300 minutes here"),
        (5_000, 6_000.0, {"freeze": False}, False, "as is set"),
        (10, 1.0, {"layer_decay": 0.8}, False, "as is set"),
        (5_000, 1.0, {"freeze": True}, True, "as is set"),
    ],
)
def test_what_the_recipe_chooses(samples: int, seconds: float, given: dict[str, Any], freeze: bool, words: str) -> None:
    found, why = recipe.pretrained(samples, seconds, **{"freeze": None, "layer_decay": None, **given})
    assert found["freeze"] is freeze
    assert ("layer_decay" in found) is not freeze
    assert words in why


# ---- fine-tuned


def one_step(folder: Path, **options: Any) -> dict[str, Tensor]:
    """How far one step of gradient descent moves each parameter."""
    fixed = {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "warmup": 0.0, "weight_decay": 0.0}
    trained = learner(folder, freeze=False, **fixed, epochs=1, batch_size=64, clip_norm=1e9, **options)
    before = weights(trained.build())
    trained.fit(progress=False)
    return {name: value - before[name] for name, value in weights(trained.network).items()}


@pytest.mark.parametrize("options", [{}, {"accumulate": 3, "dropout": 0.0}])
def test_each_layer_learns_slower_than_the_one_above(encoder: Path, options: dict[str, Any]) -> None:
    alike, slower = one_step(encoder, layer_decay=1.0, **options), one_step(encoder, layer_decay=0.5, **options)
    depths = {"head.": 0, ".layer.1.": 1, ".layer.0.": 2, ".embeddings.": 3}
    for name, moved in alike.items():
        depth = next(value for part, value in depths.items() if part in name)
        # moved is a difference of float32 weights of about 1: exact to 1e-7
        torch.testing.assert_close(slower[name], moved * 0.5**depth, rtol=1e-3, atol=3e-7)
        assert ".key.bias" in name or float(moved.abs().max()) > 1e-6, name


def test_fine_tuning_learns_and_says_how(encoder: Path) -> None:
    trained = learner(encoder, freeze=False, layer_decay=0.9, epochs=30, learning_rate=0.02)
    history = trained.fit(progress=False)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history.why.startswith("its encoder is changed too")
    assert not [f for f in trained.check() if f.level == "stop"]


def test_lower_layers_learn_slower_unless_told(encoder: Path) -> None:
    made = learner(encoder, freeze=False)
    made.build()
    assert made.settings.layer_decay is not None
    assert 0 < made.settings.layer_decay < 1
    assert learner(encoder, freeze=False, layer_decay=1.0).settings.layer_decay == 1.0


@pytest.mark.parametrize("step", [1, 4, 6])
@pytest.mark.parametrize("options", [{"freeze": False, "layer_decay": 0.6}, {"freeze": True}])
def test_resumed_is_uninterrupted(encoder: Path, tmp_path: Path, step: int, options: dict[str, Any]) -> None:
    settings = {**options, "checkpoint_steps": 2}
    learner(encoder, **settings).fit(out=tmp_path / "alone", progress=False)
    first = learner(encoder, **settings).fit(out=tmp_path / "run", progress=False, callbacks=[StopAfter(step)])
    assert first.interrupted
    again = learner(encoder, **settings)
    again.fit(out=tmp_path / "run", progress=False, resume=True, callbacks=[StopAfter(10**9)])
    one, two = (read(tmp_path / name / "model.safetensors").tensors for name in ("alone", "run"))
    assert one.keys() == two.keys()
    assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_resume_refuses_another_encoder(write_encoder: Writer, tmp_path: Path) -> None:
    folder = write_encoder()
    learner(folder, freeze=True).fit(out=tmp_path / "run", progress=False, callbacks=[StopAfter(2)])
    shutil.copy(write_encoder(initializer_range=0.3) / "model.safetensors", folder)
    with pytest.raises(UserError, match=r"encoder of .* has changed"):
        learner(folder, freeze=True).fit(out=tmp_path / "run", progress=False, resume=True)


# ---- saved


@pytest.mark.parametrize("freeze", [True, False])
def test_saved_needs_no_folder(write_encoder: Writer, tmp_path: Path, freeze: bool) -> None:
    folder = write_encoder()
    trained = learner(folder, freeze=freeze)
    trained.fit(progress=False)
    trained.save(tmp_path / "model.safetensors")
    asked = ["a lovely film", "", "dull " * 100, "☃"]
    expected = trained.predict(asked)
    shutil.rmtree(folder)
    again = dw.load(tmp_path / "model.safetensors")
    assert again.predict(asked) == expected
    assert again.input.state() == trained.prepared().input.state()
    for answer, alone in zip(expected, (again.predict([text])[0] for text in asked), strict=True):
        assert answer["prediction"] == alone["prediction"]
        assert answer["confidence"] == pytest.approx(alone["confidence"], abs=1e-5)
    report = again.network.body.encoder.config.to_dict()
    assert str(folder) not in json.dumps({k: str(v) for k, v in report.items()})
    assert str(folder) not in json.dumps(read(tmp_path / "model.safetensors").description)


@pytest.mark.parametrize(
    "change",
    [
        {"config": None},
        {"config": {"model_type": "gpt2"}},
        {"config": {"model_type": "bert", "num_hidden_layers": 10**12}},
        {"config": {"model_type": "bert"}},
        {"pool": []},
        {"freeze": "yes"},
        {"dropout": 10**400},
        {"path": "/tmp"},
    ],
)
def test_hostile_cards(encoder: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    made = learner(encoder)
    made.build()
    made.save(tmp_path / "model.safetensors")
    file = read(tmp_path / "model.safetensors")
    file.description["model"]["options"] |= change
    write(tmp_path / "hostile.safetensors", file.tensors, file.description)
    with pytest.raises(UserError):
        dw.load(tmp_path / "hostile.safetensors")


def test_several_labels_a_text(encoder: Path) -> None:
    sets = [[label] if i % 3 else [label, "third"] for i, label in enumerate(LABELS)]
    for freeze in (True, False):
        trained = Learner(dw.texts(TEXTS, sets), f"hf:{encoder}", **QUICK, freeze=freeze)
        trained.fit(progress=False)
        assert trained.predict(["a dull plot"])


# ---- refused


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file(write_encoder: Writer, missing: str) -> None:
    folder = write_encoder()
    (folder / missing).unlink()
    with pytest.raises(UserError, match=r"has no (weights in a safetensors file|config\.json|tokenizer\.json)"):
        learner(folder).build()


def test_weights_that_could_hold_code_are_not_read(write_encoder: Writer) -> None:
    folder = write_encoder()
    (folder / "model.safetensors").unlink()
    torch.save({"weight": torch.zeros(1)}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        learner(folder).build()


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("config.json", b"{", "can't be read"),
        ("config.json", b"\xff\xfe", "can't be read"),
        ("config.json", b"[]", "config is list"),
        ("config.json", b'{"model_type": "gpt2"}', "kind 'gpt2'"),
        ("config.json", b'{"model_type": "llama", "auto_map": {"AutoModel": "evil.py"}}', "kind 'llama'"),
        ("config.json", b'{"model_type": "bert", "is_decoder": true}', "a decoder"),
        ("tokenizer.json", b"{}", "tokenizer can't be read"),
        ("model.safetensors", b"nothing", "weights of .* can't be read"),
    ],
)
def test_damaged_files(write_encoder: Writer, file: str, content: bytes, words: str) -> None:
    folder = write_encoder()
    (folder / file).write_bytes(content)
    with pytest.raises(UserError, match=words):
        learner(folder).build()


def test_weights_of_another_encoder(write_encoder: Writer) -> None:
    folder = write_encoder()
    for other, words in (({"hidden_size": 8}, "can't be read"), ({"num_hidden_layers": 1}, "lack 16 of the encoder's")):
        shutil.copy(write_encoder(**other) / "model.safetensors", folder)
        with pytest.raises(UserError, match=words):
            learner(folder).build()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tokens": "words"}, "tokens is 'words', and a pretrained encoder brings"),
        ({"minimum_count": 1}, "minimum_count is 1"),
        ({"max_length": 41}, "at most 40"),
    ],
)
def test_ways_to_read_that_do_not_go(encoder: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Learner(dw.texts(TEXTS, LABELS, **options), f"hf:{encoder}").build()


def test_other_data(encoder: Path, small: Any) -> None:
    with pytest.raises(UserError, match=r"for text data, and this is image data"):
        Learner(dw.arrays(*small), f"hf:{encoder}").build()
    with pytest.raises(UserError, match=r"for text data, and this is tokens data"):
        Learner(dw.words([["a", "b"]] * 4, [["X", "Y"]] * 4), f"hf:{encoder}").build()


@pytest.mark.parametrize("option", [{"freeze": True}, {"layer_decay": 0.5}])
def test_options_of_pretrained_encoders_alone(option: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="not pretrained"):
        Learner(dw.texts(TEXTS, LABELS), "lstm", **option).build()


def test_options_that_contradict(encoder: Path) -> None:
    with pytest.raises(UserError, match="the encoder is frozen"):
        learner(encoder, freeze=True, layer_decay=0.5).build()
    with pytest.raises(UserError, match=r"layer_decay is 1\.5"):
        learner(encoder, layer_decay=1.5)
