"""The reader beside an exported model reads and answers exactly as deepwell does, whatever it is given."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from tests.export.made_models import SMALL, tag_model, text_model, tree_model
from tests.pretrained.conftest import SIZES, write_tokenizer

import deepwell.export.reader as shipped
from deepwell.core.errors import UserError
from deepwell.data.ragged import Ragged
from deepwell.data.store import ArrayStore
from deepwell.data.tree import from_nested, parse
from deepwell.export.describe import INPUTS, OUTPUTS, describe
from deepwell.export.odd import ODD
from deepwell.export.reader import Reader, tags, trees
from deepwell.inputs import INPUTS as EVERY_INPUT
from deepwell.inputs.binary import binarise
from deepwell.inputs.image import Image
from deepwell.metrics.spans import spans
from deepwell.nn.crf import CRF
from deepwell.outputs import OUTPUTS as EVERY_OUTPUT
from deepwell.outputs import Category
from deepwell.saved.model import ModelCard, SavedModel, join

FOLDER = Path(shipped.__file__).parent

TEXTS = [
    "", "   ", "\n", "Good film!", "né\u0301e \u0301x", "ไทย ภาษา 很好 film", "don't DON’T rock'n'roll",
    "😀👩‍💻 x 👍🏽",
    " a\tb\u00a0c\n\nd", "ﬁlm Good", "the " * 100, "İstanbul ẞ ǅ", "x\x1fy\x00z", "3.5 stars!! A1 b2", "a" * 500,
    "ก็ น้ำ", "한국어 ひらがな カタカナ 𠀀", "[CLS] <start> [SEP]", "नमस्ते", "e\u0301" * 3, "-" * 90,
]  # fmt: skip
SENTENCES: list[Any] = [
    "", " ", "the cat", "Rome 2001 né\u0301 很好", ["Abracadabrissimo-longword", "x"], ("A", "dog"),
    np.array(["a", "b"]), "\u2402 x", "don't 12.5", ["a b", "né\u0301e"], "x " * 60, ["١٢", "y"],
]  # fmt: skip
TREES: list[Any] = [
    parse("(A (B c) (D (E f g h) i) j)"), parse("(X y)"), parse("((S (NP a) (VP b)))"), parse("(S (U (V a b)))"),
    parse("(+ 1 (* 2 3))"), from_nested(["MAX", 1, ["MIN", 2, 3, 4]]), from_nested(7), parse("(NOT (NOT (OR a b)))"),
]  # fmt: skip
NO_SAMPLES = {
    "text": [None, 3, b"x", ["a"]],
    "tokens": [None, 3, [], ["a", ""], [3], {"a": 1}, ["x"] * 10_001],
    "tree": [3, None],
}


def image_model(*, floats: bool = False, **options: Any) -> SavedModel:
    draw = np.random.default_rng(0)
    pictures: Any = draw.integers(0, 256, (12, 10, 14, 3), dtype=np.uint8)
    if floats:
        pictures = draw.normal(size=pictures.shape)
    input, output = Image(**options), Category()
    input.survey(pictures)
    rows, _ = input.encode(pictures)
    input.learn(ArrayStore(rows), torch.arange(12))
    output.learn([7, 9] * 6, np.arange(12))
    card = ModelCard("mlp", {"hidden": [4]})
    return SavedModel(join(card, input, output), input, output, card=card)


def pretrained() -> SavedModel:
    pytest.importorskip("transformers")
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        config = {"model_type": "bert", **SIZES, "num_hidden_layers": 1, "vocab_size": write_tokenizer(Path(folder))}
        reading = {"tokens": (Path(folder) / "tokenizer.json").read_text(encoding="utf-8"), "max_length": 12}
    return text_model("hf", reading=reading, config=config)


BAG = {"embedding": 4}
ROWS: dict[str, Callable[[], SavedModel]] = {
    "picture": lambda: image_model(),
    "picture-grey-fit": lambda: image_model(channels=1, size=(9, 16), resize="fit"),
    "picture-crop": lambda: image_model(size=(16, 7), resize="crop"),
    "picture-stretch": lambda: image_model(channels=1, size=5, resize="stretch"),
    "picture-floats": lambda: image_model(floats=True),
    "words": lambda: text_model("embedding-bag", **BAG),
    "words-capitals": lambda: text_model("embedding-bag", reading={"lower": False, "max_length": 3}, **BAG),
    "characters": lambda: text_model("embedding-bag", reading={"tokens": "characters"}, **BAG),
    "bpe": lambda: text_model("embedding-bag", reading={"tokens": "bpe", "vocabulary_size": 300}, sets=True, **BAG),
    "pretrained": pretrained,
    "counts": lambda: text_model("ngrams", reading={"view": "counts", "order": 3}, width=4),
    "counts-of-characters": lambda: text_model(
        "ngrams", reading={"view": "counts", "tokens": "characters"}, sets=True, width=4
    ),
    "sentences-characters": lambda: tag_model("bilstm-crf", **SMALL),
    "sentences-pairs": lambda: tag_model("bilstm-crf", view="pairs", head="linear", **SMALL),
    "sentences-pieces": lambda: tag_model("bilstm-crf", view="pieces", **SMALL),
    "sentences-none": lambda: tag_model("bilstm-crf", view="none", scheme="plain", **SMALL),
    "trees": lambda: tree_model(width=4, embedding=4),
}  # fmt: skip
WANTED: dict[str, list[Any]] = {"text": TEXTS, "tokens": SENTENCES, "tree": TREES, "image": []}


@pytest.fixture(scope="module", params=ROWS)
def model(request: pytest.FixtureRequest) -> SavedModel:
    if request.param in ("bpe", "sentences-pieces"):
        pytest.importorskip("tokenizers")
    return ROWS[request.param]()


def reader_of(model: SavedModel) -> Reader:
    return Reader(json.loads(json.dumps(describe(model), ensure_ascii=False)))


def encoded(model: SavedModel, raw: list[Any]) -> np.ndarray:
    rows, problems = model.input.encode(raw)
    if problems:
        raise UserError(problems[0][1])
    return rows.gather(torch.arange(len(raw))).numpy() if isinstance(rows, Ragged) else rows


def same(found: Any, wanted: Any) -> None:
    """Answers alike, their numbers to 1e-5."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for name in wanted:
            same(found[name], wanted[name])
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    elif isinstance(wanted, float):
        assert type(found) is float and abs(found - wanted) <= 1e-5
    else:
        assert found == wanted and isinstance(found, str) == isinstance(wanted, str)


def test_every_sample_by_itself(model: SavedModel) -> None:
    """The same array, or both refuse it."""
    reader = reader_of(model)
    kind = model.input.kind
    samples = [*WANTED[kind], *NO_SAMPLES.get(kind, []), *ODD[model.input.kind](model.input)]
    refused = 0
    for place, sample in enumerate(samples):
        try:
            wanted = encoded(model, [sample])
        except UserError:
            with pytest.raises(ValueError, match="sample 0 can't be read: "):
                reader.encode([sample])
            refused += 1
            continue
        found = reader.encode([sample])[reader.input.name]
        assert found.dtype == wanted.dtype or (wanted.dtype == np.int32 and found.dtype == np.int64)
        np.testing.assert_array_equal(found, wanted, err_msg=f"sample {place}: {sample!r:.80}")
    assert refused < len(samples) / 2


def test_answers_of_a_batch(model: SavedModel) -> None:
    reader = reader_of(model)
    samples = [
        sample for sample in [*WANTED[model.input.kind], *ODD[model.input.kind](model.input)] if readable(model, sample)
    ]
    assert len(samples) >= 5

    def run(arrays: dict[str, np.ndarray]) -> Any:
        (array,) = arrays.values()
        with torch.no_grad():
            scores = model.network(model.input.prepare(torch.from_numpy(array)))
        return next(forms)(scores.numpy())

    for form in (lambda x: x, lambda x: {"scores": x}, lambda x: [x]):
        forms = iter([form] * 9)
        same(reader.predict(samples, run), model.predict(samples))
    assert list(reader.encode(samples)) == list(describe(model)["graph"]["inputs"])


def readable(model: SavedModel, sample: Any) -> bool:
    try:
        encoded(model, [sample])
    except UserError:
        return False
    return True


def test_nothing_and_one_sample(model: SavedModel) -> None:
    reader = reader_of(model)
    assert len(reader.encode([])[reader.input.name]) == 0
    assert reader.predict([], lambda arrays: None) == []
    for one in ("a text", b"bytes", Path("a.png"), 3):
        with pytest.raises(ValueError, match="not a list of samples"):
            reader.encode(one)  # type: ignore[arg-type]


def test_every_kind_has_a_row() -> None:
    assert set(INPUTS) == set(shipped.INPUTS) == set(EVERY_INPUT)
    assert set(OUTPUTS) == set(shipped.OUTPUTS) == set(EVERY_OUTPUT)


def test_every_field_is_documented(model: SavedModel) -> None:
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    description = describe(model)
    for part in ("input", "output"):
        kind = description[part]["kind"]
        assert f"### `{part}` of kind `{kind}`" in page
        for field in description[part]:
            assert f'"{field}": ' in page or f"| `{field}` |" in page, field
    for example in re.findall(r"```json\n(.*?)\n```", page):
        found = json.loads(example)
        table = shipped.INPUTS if found["kind"] in shipped.INPUTS else shipped.OUTPUTS
        table[found["kind"]](found)


def test_a_bad_sample_is_named_by_its_place() -> None:
    reader = reader_of(ROWS["words"]())
    with pytest.raises(ValueError, match="sample 2 can't be read: it is of type int, no string"):
        reader.encode(["a", "b", 3])


def test_pictures_in_files(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    shades = draw.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    deep = draw.integers(0, 65_536, (20, 30), dtype=np.uint16)
    palette = Pillow.fromarray(shades[..., :3]).convert("P", palette=Pillow.Palette.ADAPTIVE)
    turned = Pillow.Exif()
    turned[0x0112] = 6
    for name, image, more in (
        ("a.png", Pillow.fromarray(shades), {}),
        ("b.png", palette, {"transparency": 3}),
        ("c.png", Pillow.fromarray(deep), {}),
        ("d.tif", Pillow.fromarray(deep.astype(np.float32) / 65_535), {}),
        ("e.jpg", Pillow.fromarray(shades[..., :3]), {"exif": turned}),
        ("f.jpg", Pillow.fromarray(shades[..., :3]).convert("CMYK"), {}),
        ("g.gif", palette, {"save_all": True, "append_images": [palette]}),
        ("h.tif", Pillow.fromarray(deep.astype(np.int32)), {}),
        ("i.tif", Pillow.fromarray(deep.astype(np.int32) * 9), {}),
        ("j.png", Pillow.fromarray(shades[..., :2], "LA"), {}),
    ):
        image.save(tmp_path / name, **more)
    (tmp_path / "k.png").write_bytes((tmp_path / "a.png").read_bytes()[:150])
    (tmp_path / "l.png").write_bytes(b"")
    for make in (ROWS["picture"], ROWS["picture-grey-fit"]):
        model = make()
        reader, refused = reader_of(model), []
        for path in sorted(tmp_path.iterdir()):
            for raw in (path, str(path), path.read_bytes()):
                try:
                    wanted = encoded(model, [raw])
                except UserError:
                    refused.append(path.name)
                    with pytest.raises(ValueError, match="sample 0 can't be read"):
                        reader.encode([raw])
                    continue
                np.testing.assert_array_equal(reader.encode([raw])["pictures"], wanted, err_msg=path.name)
        assert sorted(set(refused)) == ["i.tif", "k.png", "l.png"]


def test_temperature_and_probabilities() -> None:
    model = ROWS["words"]()
    description = describe(model)
    scores = np.array([[0.0, 2.0, 1.0]], np.float32)
    description["output"]["temperature"] = 2.0
    (answer,) = Reader(description).decode(scores)
    assert answer["confidence"] == pytest.approx(float(torch.tensor([0.0, 1.0, 0.5]).softmax(0).max()), abs=1e-6)
    (answer,) = Reader(description).decode({"scores": scores, "probabilities": np.array([[0.7, 0.2, 0.1]])})
    assert (answer["prediction"], round(answer["confidence"], 6)) == ("n", 0.7)


def test_viterbi_and_marginals_of_fields_with_forbidden_moves() -> None:
    generator = torch.Generator().manual_seed(0)
    for number in range(60):
        count, length = 1 + number % 5, 1 + number % 7
        share = (0.0, 0.3, 0.8)[number % 3]
        rules = [torch.rand(size, generator=generator) >= share for size in ((count, count), (count,), (count,))]
        crf = CRF(count, allowed=rules[0], start_allowed=rules[1], end_allowed=rules[2])
        for parameter in crf.parameters():
            torch.nn.init.normal_(parameter, std=2, generator=generator)
        emissions = torch.randn(1, length, count, generator=generator) * (50 if number % 11 == 0 else 1)
        mask = torch.ones(1, length, dtype=torch.bool)
        tables = [
            np.where(rule, table.detach().numpy().astype(np.float64), -np.inf)
            for rule, table in zip(rules, (crf.transitions, crf.start, crf.end), strict=True)
        ]
        found = emissions[0].numpy().astype(np.float64)
        assert tags.viterbi(found, *tables).tolist() == crf.viterbi(emissions, mask)[0][0].tolist()
        np.testing.assert_allclose(tags.marginals(found, *tables), crf.marginals(emissions, mask)[0], atol=1e-5)


def test_spans_are_those_of_the_metric() -> None:
    draw = random.Random(0)
    names = ["O", "B-X", "I-X", "E-X", "S-X", "M-Y", "I-Y", "B-Y", "B", "I", ".", "NN", "-X", "I-X-Y"]
    for _ in range(500):
        sentence = [draw.choice(names) for _ in range(draw.randrange(9))]
        assert tags.spans(sentence) == spans(sentence), sentence


def test_trees_however_they_are_written() -> None:
    for text in (
        "(A (B c) (D (E f g h) i) j)",
        "((S (NP a) (VP b)))",
        "(S (U (V a b)) c)",
        "(2 It)",
        "(MAX 4 (- 7 1) 2)",
    ):
        tree = parse(text)
        for use_labels in (False, True):
            wanted = binarise(tree.labels, tree.words, tree.children, use_labels=use_labels)
            flat = trees.in_brackets(text)
            assert trees.binary(flat.labels, flat.words, flat.children, use_labels) == wanted
    for value in (
        ["MAX", 1, ["MIN", 2, 3, 4.5]],
        ("+", [1, 2]),
        [["a", 1, 2], "b"],
        "x",
        ["-", [1, 2, 3]],
        ["f", "g"],
        ("n", np.int64(3)),
    ):
        flat, tree = trees.nested(value), from_nested(value)
        assert (tuple(flat.labels), tuple(flat.words), tuple(flat.children)) == (tree.labels, tree.words, tree.children)


@pytest.mark.parametrize("text", ["", "(", "(a b", "a", ")", "(a)", "()", "(a b) c", "(a b) (c d)", "(a b))"])
def test_broken_brackets(text: str) -> None:
    with pytest.raises(UserError):
        parse(text)
    with pytest.raises(ValueError, match="tree"):
        trees.in_brackets(text)


def test_broken_nested_lists() -> None:
    endless: list[Any] = ["a"]
    endless.append(endless)
    for value in ([], ["a"], ["a", None], ["a", []], [float("nan"), 1, 2], [["a"]]):
        with pytest.raises(UserError):
            from_nested(value)
        with pytest.raises(ValueError, match="the tree has"):
            trees.nested(value)


def test_other_descriptions_are_refused() -> None:
    description = describe(ROWS["words"]())
    for change, words in (
        ({"version": 2}, "in version 2"),
        ({"format": "zip"}, "no description of a model"),
        ({"input": {"kind": "sound"}}, "the model's input is 'sound'; known are image, text"),
        ({"output": {"kind": "quantity"}}, "the model's output is 'quantity'"),
    ):
        with pytest.raises(ValueError, match=words):
            Reader({**description, **change})


def test_it_stands_alone(tmp_path: Path) -> None:
    """Copied to another place it needs neither torch nor deepwell, and Pillow for pictures alone."""
    shutil.copytree(FOLDER, tmp_path / "reader")
    model = ROWS["counts"]()
    (tmp_path / "model.json").write_text(json.dumps(describe(model)), encoding="utf-8")
    code = (
        "import json, sys, numpy as np\n"
        "from reader import Reader\n"
        "made = Reader.load('model.json')\n"
        "arrays = made.encode(['a good film', ''])\n"
        "assert not {name.split('.')[0] for name in sys.modules} & {'torch', 'deepwell', 'PIL', 'tokenizers'}\n"
        "import reader.pictures\n"
        "assert not {name.split('.')[0] for name in sys.modules} & {'torch', 'deepwell'}\n"
        "print(json.dumps([arrays['counts'].tolist(), made.decode(np.array([[0.0, 3, 1]]))[0]['prediction']]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout) == [encoded(model, ["a good film", ""]).tolist(), model.output.classes[1]]
