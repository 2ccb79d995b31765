"""300 mutated model files: each loads right or gives one clear error; the benchmark of that name has 10,000."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import deepwell as dw
from deepwell.saved.model_file import digest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "model_files"
SOME = ("image-mlp", "text-words", "text-grams", "label-sets", "tags", "tree")


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The benchmark's modules, which are no package: their folder is on the path while they are tested."""
    sys.path.insert(0, str(FOLDER))
    try:
        import file_judge
        import file_mutations
        import small_models

        yield SimpleNamespace(judge=file_judge, mutations=file_mutations, models=small_models)
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def originals(bench: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Small trained models: where each file is, and what it answers."""
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for name in SOME:
        path = folder / f"{name}.safetensors"
        bench.models.train(name, epochs=1).save(path)
        found[name] = path, dw.load(path).predict(bench.models.MODELS[name].asked())
    return found


def test_each_loads_right_or_gives_one_clear_error(
    bench: Any, originals: dict[str, tuple[Path, Any]], tmp_path: Path
) -> None:
    count = len(bench.mutations.EVERY)
    kinds: Counter[str] = Counter()
    for seed in range(300):
        name = SOME[seed // count % len(SOME)]
        original, right = originals[name]
        mutation, content = bench.mutations.mutated(original.read_bytes(), seed)
        file = tmp_path / "mutated.safetensors"
        file.write_bytes(content)
        found = bench.judge.outcome(file, bench.models.MODELS[name].asked(), right)
        assert not found.is_fault, f"seed {seed}, {mutation} of {name}: {found}"
        assert found.kind == "right" or "finite" in found.kind or bench.judge.is_clear(found.words), found
        kinds[found.kind] += 1
    assert kinds["refused"] > 150
    assert kinds["right"] > 10  # the mutations are not all of one sort
    assert kinds["finite"] > 3


def test_every_flipped_bit_is_found(originals: dict[str, tuple[Path, Any]], tmp_path: Path) -> None:
    original, _ = originals["image-mlp"]
    content, file = original.read_bytes(), tmp_path / "flipped.safetensors"
    for place in range(0, len(content), 37):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        with pytest.raises(dw.UserError, match=r"damaged|format|no deepwell model"):
            dw.load(file)


def test_what_is_checked_is_not_computed(originals: dict[str, tuple[Path, Any]]) -> None:
    """Values of a network that is built for its shapes alone would import PyTorch's compiler: seconds."""
    places = [str(path) for path, _ in originals.values()]
    code = (
        "import sys, deepwell as dw\nfor place in sys.argv[1:]: dw.load(place)\nprint('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *places], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": [8192, 8192]}, "too large to learn from"),
        ({"size": [10**9, 1]}, "whole numbers from 1 to 8192"),
    ],
)
def test_pictures_for_which_there_is_no_room(
    change: dict[str, Any], words: str, originals: dict[str, tuple[Path, Any]], tmp_path: Path
) -> None:
    path, _ = originals["image-mlp"]
    description = json.loads(description_of(path))
    description["input"] |= change
    text, tensors = json.dumps(description), load_file(path)
    file = tmp_path / "large.safetensors"
    save_file(tensors, file, metadata={"deepwell-model": text, "deepwell-digest": digest(text, tensors)})
    with pytest.raises(dw.UserError, match=words):
        dw.load(file)


def description_of(path: Path) -> str:
    from safetensors import safe_open

    with safe_open(str(path), "pt") as file:
        return str(file.metadata()["deepwell-model"])


def rewritten(path: Path, to: Path, *, signed: bool, **weights: torch.Tensor) -> Path:
    text, tensors = description_of(path), load_file(path) | weights
    metadata = {"deepwell-model": text}
    save_file(tensors, to, metadata=metadata | ({"deepwell-digest": digest(text, tensors)} if signed else {}))
    return to


def test_a_file_of_before_there_were_digests(
    originals: dict[str, tuple[Path, Any]], bench: Any, tmp_path: Path
) -> None:
    path, right = originals["tags"]
    old = rewritten(path, tmp_path / "old.safetensors", signed=False)
    assert dw.load(old).predict(bench.models.MODELS["tags"].asked()) == right


def test_weights_that_are_no_numbers(originals: dict[str, tuple[Path, Any]], tmp_path: Path) -> None:
    path, _ = originals["image-mlp"]
    name = "head.bias"
    for value in (float("nan"), float("inf")):
        weights = {name: torch.full_like(load_file(path)[name], value)}
        with pytest.raises(dw.UserError, match=r"head\.bias hold NaN or infinity"):
            dw.load(rewritten(path, tmp_path / "odd.safetensors", signed=True, **weights))


def test_answers_that_are_no_numbers(originals: dict[str, tuple[Path, Any]], bench: Any, tmp_path: Path) -> None:
    for kind in ("image-mlp", "tags"):
        path, _ = originals[kind]
        weights = {n: torch.full_like(v, 3e38) for n, v in load_file(path).items() if v.is_floating_point()}
        model = dw.load(rewritten(path, tmp_path / "large.safetensors", signed=True, **weights))
        with pytest.raises(dw.UserError, match="are no numbers"):
            model.predict(bench.models.MODELS[kind].asked())


def test_words_of_a_file_do_not_steer_the_terminal(originals: dict[str, tuple[Path, Any]], tmp_path: Path) -> None:
    path, _ = originals["image-mlp"]
    names = {"\x1b[31m" + "x" * 5_000: torch.zeros(1)}
    with pytest.raises(dw.UserError) as caught:
        dw.load(rewritten(path, tmp_path / "names.safetensors", signed=True, **names))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2_000
    assert "\\x1b" in str(caught.value)
