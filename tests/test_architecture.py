"""Imports point to lower layers only, hidden ones included, and nobody imports the package root."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src" / "deepwell"
LAYERS = {
    "core": 0, "kernels": 0, "findings": 0.5,
    "nn": 1, "losses": 1, "metrics": 1, "data": 1, "optim": 1,
    "inputs": 2, "outputs": 2, "models": 2,
    "train": 3, "saved": 3,
    "doctor": 4, "evaluate": 4, "explain": 4, "export": 4, "tune": 4,
    "serve": 5, "report": 5,
    "settings": 6, "run_folder": 6, "dataset": 6, "recipe": 6, "session": 6, "word_vectors": 6,
    "pretrained": 6, "frozen": 6, "preflight": 6, "choosing": 6, "loading": 6, "reporting": 6, "repeating": 6,
    "baselines_of": 6, "calibrating": 6, "measuring": 6, "looks": 6,
    "learner": 6, "cli": 6, "__main__": 6,
}  # fmt: skip
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def imports(path: Path) -> set[str]:
    """Every deepwell module that a file names in an import, at any depth, also inside functions and TYPE_CHECKING."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # export/reader is shipped beside exported models, where there is no deepwell
            assert node.level == 0 or path.parent.name == "reader", f"{path}: relative import"
            found.add(node.module or "")
            if node.module == "deepwell":
                found |= {f"deepwell.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return {name for name in found if name == "deepwell" or name.startswith("deepwell.")}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    here = room(path)
    assert here in LAYERS, f"{here} has no layer: name it in LAYERS"
    for name in imports(path):
        parts = name.split(".")
        if len(parts) == 1:
            # `from deepwell import x` inside L6 names a module, which imports() lists beside the root
            assert LAYERS[here] == 6, f"{path} imports the package root"
            continue
        there = parts[1]
        assert there in LAYERS, f"{path} imports {name}, which has no layer"
        same_room = here == there
        assert same_room or LAYERS[there] < LAYERS[here] or LAYERS[here] == 6, f"{path} ({here}) imports {name}"


def test_no_cycles() -> None:
    """Between modules, hidden imports counted."""
    graph: dict[str, set[str]] = {}
    for path in FILES:
        parts = list(path.relative_to(ROOT.parent).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        graph[name] = imports(path) - {"deepwell", name}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done or name not in graph:
            return
        for other in sorted(graph[name]):
            visit(other, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_importing_is_cheap() -> None:
    """Neither the package nor the command line loads PyTorch, NumPy or polars before they are needed."""
    heavy = "('torch', 'numpy', 'polars', 'PIL')"
    code = f"import sys, deepwell, deepwell.cli.main; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_training_does_not_import_the_compiler() -> None:
    """torch.optim's classes pull in torch._dynamo, a second at start-up."""
    code = (
        "import sys, numpy as np, deepwell as dw\n"
        "l = dw.Learner(dw.arrays(np.random.randint(0, 255, (40, 8, 8), dtype='uint8'), [0, 1] * 20), model='mlp')\n"
        "l.fit(epochs=1, progress=False)\n"
        "print('torch._dynamo' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
