"""``deepwell explain``: why an answer was given, and what a model looks like inside, written as pictures and data."""

from __future__ import annotations

import json as json_module
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from deepwell.cli.commands import emit, load_run, say
from deepwell.cli.samples import found_in
from deepwell.cli.terminal import one_line
from deepwell.core.errors import UserError, unknown_name
from deepwell.core.files import write_bytes

_AT_ONCE = 64
_NEAR = 8


@dataclass(frozen=True)
class Shown:
    """What is written of one input: a name for its files, a line for a person, data, and a picture with its suffix."""

    name: str
    line: str
    data: dict[str, Any]
    picture: bytes | None = None
    suffix: str = ".png"
    text: Any = None


@dataclass(frozen=True)
class Asked:
    """What the user typed."""

    run: Path
    inputs: list[str]
    method: str | None
    target: str | None
    text: str | None


def explain(
    run: Path,
    inputs: list[str],
    *,
    method: str | None,
    target: str | None,
    text: str | None,
    out: Path | None,
    json: bool,
) -> int:
    """Explain each input, or look inside the model."""
    from deepwell.explain import METHOD_NAMES

    if method is not None and method not in (*METHOD_NAMES, *_INSIDE):
        raise unknown_name("method", method, (*METHOD_NAMES, *_INSIDE))
    look = _INSIDE.get(method or "", _attributions)
    if method in _INSIDE and target is not None:
        raise UserError(f"--target does not go with --method {method}", fix="leave --target out")
    if not inputs and method != "filters":
        raise UserError("no input was named", expected="deepwell explain RUN INPUT...", fix="name what to explain")
    if inputs and method == "filters":
        raise UserError(
            "filters belong to the model, not to an input", expected="deepwell explain RUN --method filters"
        )
    model = load_run(run)
    folder = out or (run if run.is_dir() else run.parent) / "explain"
    written = 0
    for number, shown in enumerate(look(model, Asked(run, inputs, method, target, text)), 1):
        files = _write(folder, f"{number:03}-{_slug(shown.name)}", shown)
        written += len(files)
        if json:
            emit({"input": shown.name, "files": [str(file) for file in files], **shown.data})
        else:
            print(shown.line)
            if shown.text is not None:
                _shade(shown.text)
    say(f"wrote {written} files to {folder}")
    return 0


def _slug(name: str) -> str:
    """A part of a file's name: the end of a path or the beginning of a text."""
    short = Path(name).stem if len(name) < 200 and Path(name).suffix else name
    return re.sub(r"[^\w-]+", "-", short).strip("-")[:40] or "input"


def _write(folder: Path, stem: str, shown: Shown) -> list[Path]:
    files = [(folder / f"{stem}.json", json_module.dumps({"input": shown.name, **shown.data}, ensure_ascii=False))]
    contents = [(path, text.encode("utf-8", "backslashreplace")) for path, text in files]
    if shown.picture is not None:
        contents.insert(0, (folder / f"{stem}{shown.suffix}", shown.picture))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in contents:
            write_bytes(path, content)
    except OSError as error:
        raise UserError(
            f"{folder} can't be written ({error.strerror})", fix="choose another place with --out"
        ) from None
    return [path for path, _ in contents]


def _pieces(asked: Asked, kind: str) -> Iterator[list[tuple[str, Any]]]:
    samples = found_in(asked.inputs, kind, text=asked.text)
    while some := list(islice(samples, _AT_ONCE)):
        yield some


# ---- why this answer


def _attributions(model: Any, asked: Asked) -> Iterator[Shown]:
    from deepwell.explain import explain as explained

    for some in _pieces(asked, model.input.kind):
        found = explained(model, [sample for _, sample in some], method=asked.method, target=asked.target)
        for (name, _), one in zip(some, found, strict=True):
            line = f"{one_line(name, 60)}: {one_line(one.sentence())} [{one.method}]"
            text = one.shades() if hasattr(one, "shades") else None
            yield Shown(name, line, one.to_json(), one.picture(), one.suffix, text)


def _shade(shades: list[tuple[str, float]]) -> None:
    """The text with coloured grounds where the terminal has colours."""
    from rich.console import Console
    from rich.text import Text

    from deepwell.explain.colour import AGAINST, FOR

    line = Text("  ")
    for text, strength in shades:
        plain = one_line(text) if text.strip() else " "
        red, green, blue = FOR if strength > 0 else AGAINST
        share = abs(strength)
        if share < 0.05:
            line.append(plain)
        else:  # towards white, on which black letters are read
            ground = ",".join(str(round(255 + (part - 255) * share * 0.8)) for part in (red, green, blue))
            line.append(plain, style=f"black on rgb({ground})")
    Console(highlight=False).print(line)


# ---- a look inside


def _filters(model: Any, asked: Asked) -> Iterator[Shown]:
    from deepwell.explain.inside import filters

    picture, weights = filters(model.network)
    line = f"{len(weights)} filters of {weights.shape[2]}x{weights.shape[3]} over {weights.shape[1]} channels"
    yield Shown("filters", line, {"method": "filters", "values": weights.tolist()}, picture)


def _activations(model: Any, asked: Asked) -> Iterator[Shown]:
    from deepwell.explain.inside import activations, activations_picture

    for some in _pieces(asked, model.input.kind):
        for name, sample in some:
            stages = activations(model, sample)
            shapes = ", ".join("x".join(map(str, stage.shape)) for stage in stages)
            data = {"method": "activations", "stages": [stage.to_json() for stage in stages]}
            yield Shown(name, f"{one_line(name, 60)}: {shapes}", data, activations_picture(stages))


def _similar_words(model: Any, asked: Asked) -> Iterator[Shown]:
    from deepwell.explain.inside import similar_words

    for word in asked.inputs:
        found = similar_words(model, word)
        shown = ", ".join(f"{one_line(other)} ({alike:.2f})" for other, alike in found)
        data = {"method": "similar-words", "words": [{"word": w, "similarity": s} for w, s in found]}
        yield Shown(word, f"{one_line(word, 60)}: {shown}", data)


def _neighbours(model: Any, asked: Asked) -> Iterator[Shown]:
    from deepwell.explain.inside import neighbours_picture
    from deepwell.learner import Learner

    if not asked.run.is_dir():
        raise UserError(
            f"neighbours are training samples, and the model file {asked.run} has none",
            expected="the folder of a run, which knows its data",
            fix="name the run's folder, or use deepwell.explain.inside.Index in Python",
        )
    learner = Learner.reopen(asked.run)
    raw = learner.raw("train")
    prepared = learner.prepared()
    labels = [learner.data.source.y[place] for place in prepared.places(prepared.split.train)]
    index = _index(model, raw, asked.run)
    for some in _pieces(asked, model.input.kind):
        found = index.near([sample for _, sample in some], count=_NEAR)
        for (name, sample), near in zip(some, found, strict=True):
            rows = [
                {"sample": one.place, "label": _plain(labels[one.place]), "similarity": one.similarity}
                | ({} if model.input.kind == "image" else {"text": _words(raw[one.place])})
                for one in near
            ]
            told = ", ".join(f"{_seen(row)} ({row['similarity']:.2f})" for row in rows)
            picture = None
            if model.input.kind == "image":
                picture = neighbours_picture(model, sample, [raw[one.place] for one in near], near)
            data = {"method": "neighbours", "neighbours": rows}
            yield Shown(name, f"{one_line(name, 60)}: nearest in training are {told}", data, picture)


def _seen(row: dict[str, Any]) -> str:
    """A neighbour on a line: its words where it has some, and its label where it is one."""
    label = "" if isinstance(row["label"], list) else one_line(str(row["label"]), 30)
    if "text" not in row:
        return label
    text = f"'{one_line(row['text'], 40)}'"
    return f"{text} {label}" if label else text


def _plain(label: Any) -> Any:
    return label.tolist() if hasattr(label, "tolist") else label


def _words(sample: Any) -> str:
    return sample if isinstance(sample, str) else " ".join(sample) if isinstance(sample, (list, tuple)) else str(sample)


def _index(model: Any, raw: list[Any], run: Path) -> Any:
    """The representations of the training samples; kept in the run for the next time."""
    import hashlib

    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save

    from deepwell.explain.inside import Index
    from deepwell.run_folder import Run

    kept = run / "explain" / "representations.safetensors"
    digest = hashlib.sha256(Run(run).model.read_bytes()).hexdigest()
    try:
        with safe_open(kept, framework="pt") as file:
            if (file.metadata() or {}).get("model") == digest:
                return Index(model, file.get_tensor("vectors"))
    except (OSError, SafetensorError):
        pass  # none yet, or of another model
    say(f"looking at {len(raw):,} training samples once")
    index = Index.of(model, raw)
    try:
        kept.parent.mkdir(exist_ok=True)
        write_bytes(kept, save({"vectors": index.vectors}, {"model": digest}))
    except OSError as error:
        say(f"note: {kept} can't be written ({error.strerror}): next time they are looked at again")
    return index


_INSIDE: dict[str, Callable[[Any, Asked], Iterator[Shown]]] = {
    "neighbours": _neighbours,
    "activations": _activations,
    "filters": _filters,
    "similar-words": _similar_words,
}
