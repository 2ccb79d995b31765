"""Ways in which a model file can be wrong: by accident in its bytes, or on purpose in what it says.

A mutation takes the file's bytes and a source of random numbers and gives other bytes. Those on purpose write a digest
that fits again: who means harm can compute it.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from deepwell.saved.model_file import digest

Mutation = Callable[[bytes, random.Random], bytes]

# ---- bytes


def _header(content: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack("<Q", content[:8])
    return content[8 : 8 + size], content[8 + size :]


def _joined(header: bytes, data: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def flip_a_bit(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def flip_in_header(content: bytes, draw: random.Random) -> bytes:
    header, data = _header(content)
    return _joined(flip_a_bit(header, draw), data)


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def cut_in_header(content: bytes, draw: random.Random) -> bytes:
    header, data = _header(content)
    return _joined(header[: draw.randrange(len(header))], data)


def longer(content: bytes, draw: random.Random) -> bytes:
    return content + draw.randbytes(draw.choice([1, 7, 4096]))


def noise(content: bytes, draw: random.Random) -> bytes:
    start, size = draw.randrange(len(content)), draw.choice([1, 4, 64, 1024])
    return content[:start] + draw.randbytes(size) + content[start + size :]


def zeros(content: bytes, draw: random.Random) -> bytes:
    start, size = draw.randrange(len(content)), draw.choice([8, 512, 4096])
    return content[:start] + bytes(min(size, len(content) - start)) + content[start + size :]


def other_size_of_header(content: bytes, draw: random.Random) -> bytes:
    (size,) = struct.unpack("<Q", content[:8])
    return (
        struct.pack("<Q", draw.choice([0, 1, size - 1, size + 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1])) + content[8:]
    )


def another_file(content: bytes, draw: random.Random) -> bytes:
    pickle = b"\x80\x04cposix\nsystem\nX\x0a\x00\x00\x00touch pwned\x85R."
    begin = [b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"{}", pickle, bytes(8), draw.randbytes(64)]
    return draw.choice(begin) + draw.choice([b"", content])


# ---- the header of the format


def _tensor_entry(content: bytes, draw: random.Random, change: Callable[[dict[str, Any]], None]) -> bytes:
    header, data = _header(content)
    entries = json.loads(header)
    change(entries[draw.choice([name for name in entries if name != "__metadata__"])])
    return _joined(json.dumps(entries).encode(), data)


def other_dtype(content: bytes, draw: random.Random) -> bytes:
    kinds = ["F64", "F16", "BF16", "I64", "I32", "I8", "U8", "BOOL", "F8_E4M3", "C64", "X", 3, None]
    return _tensor_entry(content, draw, lambda entry: entry.update(dtype=draw.choice(kinds)))


def other_shape(content: bytes, draw: random.Random) -> bytes:
    shapes: list[Any] = [[], [0], [1], [-1], [1 << 62, 4], [1 << 31] * 3, [2] * 70, "x", [1.5], None, [[1]]]
    return _tensor_entry(content, draw, lambda entry: entry.update(shape=draw.choice(shapes)))


def other_place(content: bytes, draw: random.Random) -> bytes:
    places: list[Any] = [[0, 0], [0, 1 << 62], [-1, 4], [8, 4], [0, 4], [1 << 63, 1 << 64], "x", [0], None]
    return _tensor_entry(content, draw, lambda entry: entry.update(data_offsets=draw.choice(places)))


def header_text(content: bytes, draw: random.Random) -> bytes:
    header, data = _header(content)
    deep = draw.choice([100, 10_000, 100_000])
    texts = [
        b"[" * deep, b'{"a":' * deep, b"{" + header[1:-1] + b"," + header[1:], header * 2, b"\xff" + header,
        header.replace(b'"__metadata__"', b'"metadata"'), b'{"__metadata__":[]}',
        b'{"__metadata__":{"deepwell-model":3}}', b'{"__metadata__":{"deepwell-model":"' + b"[" * deep + b'"}}',
        b'{"__metadata__":{"deepwell-model":"' + b"9" * deep + b'"}}',
    ]  # fmt: skip
    return _joined(draw.choice(texts), data)


# ---- what the description says


def _opened(content: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    header, _ = _header(content)
    return json.loads(json.loads(header)["__metadata__"]["deepwell-model"]), load(content)


def _closed(text: str, tensors: dict[str, Tensor]) -> bytes:
    plain = {name: value.contiguous() for name, value in tensors.items()}
    return save(plain, metadata={"deepwell-model": text, "deepwell-digest": digest(text, plain)})


def _places(value: Any, trail: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a description."""
    below = value.items() if isinstance(value, dict) else enumerate(value[:8]) if isinstance(value, list) else ()
    return [trail, *(place for key, item in below for place in _places(item, (*trail, key)))]


def _changed(value: Any, trail: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not trail:
        return change(value)
    value[trail[0]] = _changed(value[trail[0]], trail[1:], change)
    return value


_WRONG: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 7, 64, 10**6, 10**9, 2**31, 2**63, 10**30, 0.5, -0.5, 1e-300, 1e300,
    float("nan"), float("inf"), "", "x", "../../etc/passwd", "__import__('os').system('touch pwned')", "\x00", "\ud800",
    "x" * 100_000, [], {}, [None], [[]], [1, 1], [0, -1], ["a", "a"], [10**9, 10**9], [1] * 10_000, {"a": 1},
    {"__class__": "x"},
]  # fmt: skip


def wrong_value(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    place, value = draw.choice(_places(description)), draw.choice(_WRONG)
    return _closed(json.dumps(_changed(description, place, lambda _: value)), tensors)


def wrong_number(content: bytes, draw: random.Random) -> bytes:
    """A number that is a number, of the same type: the check of types does not help."""
    description, tensors = _opened(content)

    def change(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return not value if isinstance(value, bool) else value
        factor = draw.choice([-1, 0, 2, 0.5, 10, 1000, 10**6, 10**9])
        return type(value)(value * factor) + draw.choice([0, 1, -1])

    for place in draw.sample(_places(description), draw.choice([1, 2, 5])):
        description = _changed(description, place, change)
    return _closed(json.dumps(description), tensors)


def other_letters(content: bytes, draw: random.Random) -> bytes:
    """In one of the description's strings; a tokeniser is a string of ten thousands."""
    description, tensors = _opened(content)
    longest = max(_places(description), key=lambda place: len(_found(description, place)))
    place = longest if draw.random() < 0.5 else draw.choice(_places(description))

    def change(value: Any) -> Any:
        if not isinstance(value, str) or not value:
            return value
        at = draw.randrange(len(value))
        piece = draw.choice(["", "9999999999", "-1", '"', "}", "]", "null", "[[", "\x00", "\\", "\ud800", value[:50]])
        return value[:at] + piece + value[at + draw.choice([0, 1, 10, 1000]) :]

    return _closed(json.dumps(_changed(description, place, change)), tensors)


def _found(value: Any, trail: tuple[Any, ...]) -> str:
    """The string at the end of a way, or an empty one."""
    for key in trail:
        value = value[key]
    return value if isinstance(value, str) else ""


def missing_key(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    trail = draw.choice([place for place in _places(description) if place])

    def change(above: Any) -> Any:
        del above[trail[-1]]
        return above

    return _closed(json.dumps(_changed(description, trail[:-1], change)), tensors)


def unknown_key(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    part = draw.choice(["model", "input", "output", "facts"])
    names = ["x", "__class__", "self", "shape", "input_shape", "device", "dtype", "width", "cell", "augment", "hidden"]
    target = description[part]["options"] if part == "model" and draw.random() < 0.7 else description[part]
    target[draw.choice(names)] = draw.choice(_WRONG)
    return _closed(json.dumps(description), tensors)


def another_kind(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    part = draw.choice(["model", "input", "output"])
    if part == "model":
        names = ["mlp", "resnet50", "hf", "gru", "recursive", "bilstm-crf", "nope", "os:system", ""]
        description["model"][draw.choice(["name", "module"])] = draw.choice(names)
    else:
        kinds = ["image", "text", "tokens", "tree", "category", "label-sets", "tags", "nope", "__main__"]
        description[part]["kind"] = draw.choice(kinds)
    return _closed(json.dumps(description), tensors)


def bomb(content: bytes, draw: random.Random) -> bytes:
    """Sizes for which there is no memory, of a model that is never built."""
    description, tensors = _opened(content)
    huge = draw.choice([10**4, 10**5, 10**6, 10**9, 10**12])
    options = description["model"]["options"]
    names = [
        "width",
        "hidden",
        "embedding",
        "layers",
        "filters",
        "heads",
        "depth",
        "feedforward",
        "longest",
        "attention",
    ]
    for name in draw.sample(names, 2):
        options[name] = draw.choice([huge, [huge], [huge] * 3])
    if draw.random() < 0.3:
        options.clear()
        description["input"].update({"size": [8192, 8192], "max_length": huge, "vocabulary_size": huge})
    if draw.random() < 0.2:
        description["output"]["classes"] = [f"c{i}" for i in range(200_000)]
    return _closed(json.dumps(description), tensors)


def text_of_description(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    text, deep = json.dumps(description), draw.choice([500, 5_000, 200_000])
    texts = [
        text[: draw.randrange(len(text))], text + text, text[:-1] + ', "format": 2}', "", "null", "3", "NaN", "[]",
        "[" * deep, "[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep, "9" * deep, '"' + "x" * deep + '"',
        text.replace('"kind"', '"kind": "tree", "kind"', 1), text.replace('"format": 1', '"format": 1e0'),
        text.replace('"options": {', '"options": {"x": ' + "[" * 900 + "]" * 900 + ", "), text.replace('"', "'"),
    ]  # fmt: skip
    return _closed(draw.choice(texts), tensors)


# ---- weights


def _some(tensors: dict[str, Tensor], draw: random.Random) -> str:
    return draw.choice(sorted(tensors))


def wrong_weights(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    name = _some(tensors, draw)
    value = tensors[name].clone().reshape(-1)
    if value.is_floating_point() and len(value):
        places = [draw.randrange(len(value))] if draw.random() < 0.5 else slice(None)
        value[places] = draw.choice([float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e20, 0.0, 1e-45])
    else:
        value[:] = draw.choice([-(2**63), 2**63 - 1, 0, -1])
    tensors[name] = value.reshape(tensors[name].shape)
    return _closed(json.dumps(description), tensors)


def swapped_weights(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    first, second = _some(tensors, draw), _some(tensors, draw)
    tensors[first], tensors[second] = tensors[second], tensors[first]
    return _closed(json.dumps(description), tensors)


def other_form_of_weights(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    name = _some(tensors, draw)
    value = tensors[name]
    kinds = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.bool, torch.uint8]
    forms = [
        lambda: value.to(draw.choice(kinds)), lambda: value.reshape(-1), lambda: value[None],
        lambda: value.T.contiguous() if value.dim() == 2 else value,
        lambda: value[:0] if value.dim() else value, lambda: torch.cat([value, value]) if value.dim() else value,
    ]  # fmt: skip
    tensors[name] = draw.choice(forms)()
    return _closed(json.dumps(description), tensors)


def other_names_of_weights(content: bytes, draw: random.Random) -> bytes:
    description, tensors = _opened(content)
    names = [
        "",
        "x" * 50_000,
        "../../pwned",
        "__class__",
        "body.__class__",
        "\x00",
        "\n\x1b[31m",
        "head.linear.weight.0",
    ]
    way = draw.randrange(3)
    if way < 2:
        value = tensors.pop(_some(tensors, draw))
        if way:
            tensors[draw.choice(names)] = value
    else:
        tensors[draw.choice(names)] = torch.zeros(draw.choice([0, 1, 1000]))
    return _closed(json.dumps(description), tensors)


BY_ACCIDENT: tuple[Mutation, ...] = (
    flip_a_bit, flip_in_header, cut, cut_in_header, longer, noise, zeros, other_size_of_header, another_file,
)  # fmt: skip
ON_PURPOSE: tuple[Mutation, ...] = (
    other_dtype, other_shape, other_place, header_text, wrong_value, wrong_value, wrong_number, wrong_number,
    other_letters, missing_key, unknown_key, another_kind, bomb, text_of_description, wrong_weights, swapped_weights,
    other_form_of_weights, other_names_of_weights,
)  # fmt: skip
EVERY = (*BY_ACCIDENT, *ON_PURPOSE)


def mutated(content: bytes, seed: int) -> tuple[str, bytes]:
    """The name of a mutation, and the file that it made."""
    draw = random.Random(seed)
    mutation = EVERY[seed % len(EVERY)]
    return mutation.__name__, mutation(content, draw)
