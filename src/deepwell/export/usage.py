"""The few lines that go beside an exported model: how to use it without deepwell."""

from __future__ import annotations

_RUN = {
    ".onnx": (
        "numpy pillow onnxruntime",
        """import onnxruntime
from reader import Reader

reader = Reader.load("{name}.json")
session = onnxruntime.InferenceSession("{file}")
names = [output.name for output in session.get_outputs()]
answers = reader.predict([{sample}], lambda arrays: dict(zip(names, session.run(names, arrays))))
""",
    ),
    ".pt2": (
        "numpy pillow torch",
        """import torch
from reader import Reader

reader = Reader.load("{name}.json")
program = torch.export.load("{file}").module()  # only files that you trust: parts of the format are pickles


def run(arrays):
    given = program(*(torch.from_numpy(array) for array in arrays.values()))
    given = given if isinstance(given, tuple) else (given,)
    return {{name: value.detach().numpy() for name, value in zip({outputs}, given)}}


answers = reader.predict([{sample}], run)
""",
    ),
}

_SAMPLES = {"image": '"cat.jpg"', "text": '"a text"', "tokens": '"a sentence"', "tree": '"(+ 1 2)"'}


def usage(name: str, suffix: str, kind: str, outputs: list[str]) -> str:
    """Markdown for a person.

    Args:
        name: of the file, without its suffix.
        suffix: of the format.
        kind: of the model's input.
        outputs: what the graph gives, in order.
    """
    packages, code = _RUN[suffix]
    filled = code.format(name=name, file=name + suffix, sample=_SAMPLES.get(kind, "..."), outputs=outputs)
    return (
        f"# {name}\n\nA model that deepwell exported. `{name}.json` says how samples are read and what the answers are "
        f"called; the folder `reader`\n(plain Python and NumPy) follows it. It needs: `pip install {packages}`.\n\n"
        f"```python\n{filled}print(answers[0])\n```\n\n"
        f"What it was held against before it was written stands in `{name}.json` under `parity`.\n"
    )
