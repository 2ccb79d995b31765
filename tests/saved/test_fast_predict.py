"""Fast answers are the same answers: the lean form beside the network, many samples beside one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from tests.conftest import blobs
from torch import nn

from deepwell.cli.predicting import predict
from deepwell.core.errors import UserError
from deepwell.core.shapes import Ids
from deepwell.data.store import ArrayStore
from deepwell.inputs.image import Image
from deepwell.models import MODELS, build
from deepwell.nn.lean import lean
from deepwell.nn.lean_convolution import LeanConvolution
from deepwell.nn.network import Network
from deepwell.outputs.category import Category
from deepwell.saved.model import ModelCard, SavedModel, load
from deepwell.saved.stream import answered

PICTURES = [name for name, entry in MODELS.items() if "image" in entry.takes]


def lived_in(network: nn.Module, seed: int = 0) -> nn.Module:
    """Statistics and factors as after a training, some factors negative."""
    draw = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                for tensor, low, high in ((module.weight, -0.3, 1.5), (module.bias, -0.5, 0.5)):
                    tensor.copy_(torch.rand(tensor.shape, generator=draw) * (high - low) + low)
                module.running_mean.normal_(0, 0.3, generator=draw)
                module.running_var.uniform_(0.5, 2, generator=draw)
    return network.eval()


def saved(tmp_path: Path, name: str = "compact", count: int = 40) -> tuple[Path, SavedModel, np.ndarray]:
    """A model of pictures that was not trained, its file, and pictures for it."""
    torch.manual_seed(0)
    x, y = blobs(count, size=16)
    image, category = Image(), Category()
    image.survey(x)
    rows, _ = image.encode(x)
    image.learn(ArrayStore(rows), torch.arange(count))
    category.learn(y, np.arange(count))
    body: Any = build(name, image.shape)
    network = lived_in(Network(body, category.head(body.features)))
    model = SavedModel(network, image, category, card=ModelCard(name))
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors", model, x


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("name", PICTURES)
def test_the_lean_form_of_each_model_gives_its_scores(name: str, count: int) -> None:
    torch.manual_seed(0)
    size = 64 if name == "alexnet" else 28
    network = lived_in(build(name, (3, size, size)))
    x = torch.randn(count, size, size, 3).permute(0, 3, 1, 2)
    form = lean(network)
    with torch.inference_mode():
        wanted = network(x)
        if form is None:
            assert name == "mlp"
            return
        assert (form(x) - wanted).abs().max() <= 1e-5 * max(1.0, float(wanted.abs().max()))


@pytest.mark.parametrize("size", [1, 5, 12])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 1},
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": 3, "padding": (0, 2), "stride": (2, 1)},
        {"kernel_size": (1, 5), "padding": (0, 2), "bias": False},
        {"kernel_size": 3, "padding": 2, "dilation": 2},
        {"kernel_size": 3, "padding": 1, "groups": 4},
    ],
)
@pytest.mark.parametrize("channels", [4, 16])
def test_a_lean_convolution_is_the_convolution(channels: int, options: dict[str, Any], size: int) -> None:
    torch.manual_seed(1)
    layer = nn.Conv2d(channels, 8, **options)
    for order in (torch.contiguous_format, torch.channels_last):
        for count in (1, 9):
            x = torch.randn(count, channels, size + 4, size + 2).contiguous(memory_format=order)
            with torch.inference_mode():
                assert torch.allclose(LeanConvolution(layer)(x), layer(x), atol=1e-5)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_lean_convolution_over_a_line_is_the_convolution(count: int) -> None:
    for options in ({}, {"padding": 2, "stride": 2}, {"dilation": 2}, {"groups": 4}):
        layer = nn.Conv1d(16, 12, 3, **options)
        x = torch.randn(count, 40, 16).transpose(1, 2)
        with torch.inference_mode():
            assert torch.allclose(LeanConvolution(layer)(x), layer(x), atol=1e-5)


def test_the_lean_form_of_convolutions_over_words_gives_their_scores() -> None:
    torch.manual_seed(0)
    network = build("textcnn", Ids(50)).eval()
    form, x = lean(network), torch.randint(0, 50, (3, 17))
    assert form is not None
    with torch.inference_mode():
        assert torch.allclose(form(x), network(x), atol=1e-5)


def test_a_normalisation_after_pooling_is_taken_in_only_where_it_rises() -> None:
    def layers(factor: float) -> nn.Sequential:
        norm = nn.BatchNorm2d(4)
        nn.init.constant_(norm.weight, factor)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), norm, nn.ReLU()).eval()

    x = torch.randn(2, 1, 8, 8)
    for factor, kinds in ((1.0, 2), (-1.0, 4)):
        network = layers(factor)
        form = lean(network)
        assert form is not None
        with torch.inference_mode():
            assert len(list(form.children())) == kinds
            assert torch.allclose(form(x), network(x), atol=1e-6)


def test_answers_are_the_learner_s_and_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    path, model, x = saved(tmp_path)
    loaded = load(path)
    wanted = torch.stack(model.decoded(list(x)))
    alone = torch.cat([torch.stack(loaded.decoded([picture])) for picture in x])
    together = torch.stack(loaded.decoded(list(x)))
    assert (together - wanted).abs().max() < 1e-6
    assert (alone - together).abs().max() < 1e-6
    assert (loaded.scores(x) - model.scores(x)).abs().max() < 1e-5
    assert loaded.predict(list(x[:1]))[0].keys() == model.predict(list(x[:1]))[0].keys()


def test_a_network_that_was_changed_answers_itself(tmp_path: Path) -> None:
    path, _, x = saved(tmp_path)

    def change_weights(model: SavedModel) -> None:
        with torch.no_grad():
            model.network.head.weight.neg_()  # type: ignore[union-attr]

    def change_a_layer(model: SavedModel) -> None:
        model.network.head = nn.Linear(model.network.body.features, 3)  # type: ignore[union-attr]

    def hook(model: SavedModel) -> None:
        model.network.register_forward_hook(lambda module, inputs, scores: -scores)

    def replace(model: SavedModel) -> None:
        model.network = Network(model.network.body, nn.Linear(model.network.body.features, 3))  # type: ignore

    for harm in (change_weights, change_a_layer, hook, replace):
        model = load(path)
        before = torch.stack(model.decoded(list(x[:5])))
        assert torch.allclose(torch.stack(model.decoded(list(x[:5]))), before, atol=1e-6)
        harm(model)
        after = torch.stack(model.decoded(list(x[:5])))
        with torch.inference_mode():
            own = model.network.eval()(model.input.prepare(torch.from_numpy(model.input.encode(list(x[:5]))[0])))
        assert torch.allclose(after, own.softmax(1), atol=1e-6), harm.__name__
        assert not torch.allclose(after, before, atol=1e-3), harm.__name__


class Looks(nn.Module):
    """A module of a user's own that looks into its layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).mean((2, 3)) * self.layer.weight.sum()


def test_a_module_that_looks_into_its_layers_answers_itself(tmp_path: Path) -> None:
    _, model, x = saved(tmp_path)
    own = SavedModel(Looks(), model.input, model.output)
    wanted = torch.stack(own.decoded(list(x)))
    own.make_lean()
    for _ in range(2):
        assert torch.equal(torch.stack(own.decoded(list(x))), wanted)


def test_threads_may_ask_together(tmp_path: Path) -> None:
    path, model, x = saved(tmp_path)
    loaded, wanted = load(path), torch.stack(model.decoded(list(x)))
    far: list[float] = []

    def ask(first: int) -> None:
        for place in range(first, len(x), 4):
            far.append(float((loaded.decoded([x[place]])[0] - wanted[place]).abs().max()))

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(far) == len(x) and max(far) < 1e-6


# ---- many samples


def _named(x: np.ndarray) -> Iterator[tuple[str, Any]]:
    return ((f"picture {number}", picture) for number, picture in enumerate(x))


def test_a_stream_keeps_the_order_and_gives_predict_s_answers(tmp_path: Path) -> None:
    path, _, x = saved(tmp_path)
    model = load(path)
    wanted = model.predict(list(x))
    for at_once in (1, 7, len(x), 100):
        found = list(answered(model, _named(x), at_once=at_once))
        assert [name for name, _, _ in found] == [f"picture {number}" for number in range(len(x))]
        for (_, _, answer), right in zip(found, wanted, strict=True):
            assert answer["prediction"] == right["prediction"]
            assert answer["confidence"] == pytest.approx(right["confidence"], abs=1e-6)


def test_a_stream_reads_no_more_than_it_needs(tmp_path: Path) -> None:
    path, _, x = saved(tmp_path)
    taken: list[int] = []

    def endless() -> Iterator[tuple[str, Any]]:
        number = 0
        while True:
            taken.append(number)
            yield str(number), x[number % len(x)]
            number += 1

    found = answered(load(path), endless(), at_once=8)
    for _ in range(20):
        next(found)
    found.close()
    assert len(taken) <= 20 + 2 * 8 + 8


def test_what_comes_before_an_unreadable_sample_is_answered(tmp_path: Path) -> None:
    path, _, x = saved(tmp_path)
    mixed = [("good", x[0]), ("bad", b"no picture"), ("late", x[1])]
    found = answered(load(path), iter(mixed))
    assert next(found)[0] == "good"
    with pytest.raises(UserError, match=r"bad can't be read.*no picture"):
        next(found)
    named: list[tuple[str, str]] = []
    kept = list(answered(load(path), iter(mixed), unreadable=lambda name, why: named.append((name, why))))
    assert [name for name, _, _ in kept] == ["good", "late"]
    assert [name for name, _ in named] == ["bad"]


def test_the_command_answers_folders_and_tables_of_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _, x = saved(tmp_path)
    place = tmp_path / "new"
    place.mkdir()
    for number, picture in enumerate(x[:6]):
        Pillow.fromarray(picture).save(place / f"{number}.png")
    (tmp_path / "list.csv").write_text("file,note\n" + "".join(f"new/{n}.png,x\n" for n in range(6)))
    given: dict[str, Any] = {"text": None, "attention": False, "json": True}
    answers = []
    for source in (place, tmp_path / "list.csv"):
        assert predict(path, [str(source)], **given) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [Path(line["input"]).name for line in lines] == [f"{n}.png" for n in range(6)]
        answers.append([line["prediction"] for line in lines])
    assert answers[0] == answers[1]
    (place / "3.png").write_bytes(b"harm")
    with pytest.raises(UserError, match=r"3\.png"):
        predict(path, [str(place)], **given)
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert predict(path, [str(place)], skip_unreadable=True, **given) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 5
    assert "3.png" in err and "1 could not be read" in err
    (tmp_path / "none.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no column of paths of pictures"):
        predict(path, [str(tmp_path / "none.csv")], **given)
