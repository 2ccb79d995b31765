"""Filters, activations, neighbours, similar words."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from tests.conftest import blobs
from torch import nn

import deepwell as dw
from deepwell.core.errors import UserError
from deepwell.explain.inside import Index, activations, activations_picture, filters, representations, similar_words
from deepwell.explain.inside import neighbours as neighbours_module
from deepwell.saved.model import SavedModel


@pytest.fixture
def pictures() -> SavedModel:
    x, y = blobs()
    learner = dw.Learner(dw.arrays(x, y), model="cnn-bn")
    learner.build()
    return learner.saved()


@pytest.fixture
def texts() -> SavedModel:
    learner = dw.Learner(dw.texts(["a good film", "a bad film"] * 20, ["y", "n"] * 20), model="lstm")
    learner.build()
    return learner.saved()


def test_filters_are_the_weights() -> None:
    network = nn.Sequential(nn.Identity(), nn.Conv2d(3, 5, (3, 2)), nn.Conv2d(5, 4, 1))
    picture, weights = filters(network)
    assert np.array_equal(weights, network[1].weight.detach().numpy())
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    with pytest.raises(UserError, match="no filters to show"):
        filters(nn.Linear(2, 2))


def test_activations_name_every_shape(pictures: SavedModel) -> None:
    stages = activations(pictures, blobs()[0][0])
    assert stages[0].shape[1:] == (12, 12) or len(stages[0].shape) == 3
    assert stages[-1].shape == (3,) and stages[-1].name == "head"
    assert all(len(stage.maps) <= 8 for stage in stages)
    strongest = [row["mean"] for row in stages[0].to_json()["strongest"]]
    assert strongest == sorted(strongest, reverse=True)
    assert Image.open(io.BytesIO(activations_picture(stages))).format == "PNG"


def test_activations_of_texts(texts: SavedModel) -> None:
    stages = activations(texts, "a good film and more")
    assert stages[0].shape == (5, 128) and stages[-1].shape == (2,)
    assert activations_picture(stages).startswith(b"\x89PNG")


@pytest.mark.parametrize("chunk", [7, 65_536])
def test_neighbours_are_those_of_a_full_search(
    pictures: SavedModel, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours_module, "_CHUNK", chunk)
    x = blobs()[0][:60]
    index = Index.of(pictures, x)
    vectors = index.vectors
    assert torch.allclose(vectors.norm(dim=1), torch.ones(60), atol=1e-5)
    for place, near in zip((3, 41), index.near(x[[3, 41]], count=4), strict=True):
        assert near[0].place == place and near[0].similarity == pytest.approx(1, abs=1e-5)
        wanted = np.sort((vectors @ vectors[place]).numpy())[::-1][:4]
        assert [one.similarity for one in near] == pytest.approx(wanted.tolist(), abs=1e-5)
    with pytest.raises(UserError, match="no training samples"):
        Index.of(pictures, [])


def test_representations_do_not_depend_on_the_batch(texts: SavedModel) -> None:
    some = ["a good film", "film", "a bad good bad film film"]
    alone = torch.cat([representations(texts, [one]) for one in some])
    assert torch.allclose(representations(texts, some), alone, atol=1e-5)


def test_similar_words(texts: SavedModel, pictures: SavedModel) -> None:
    found = similar_words(texts, "Good")
    assert {word for word, _ in found} == {"a", "film", "bad"}
    assert [alike for _, alike in found] == sorted((alike for _, alike in found), reverse=True)
    with pytest.raises(UserError, match=r"not learnt the word 'goood'.*did you mean 'good'"):
        similar_words(texts, "goood")
    with pytest.raises(UserError, match="no vectors of words"):
        similar_words(pictures, "good")
