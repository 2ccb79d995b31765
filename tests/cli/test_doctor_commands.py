"""``doctor`` and ``explain-code`` as they are typed: answers, exit codes, mistakes, both languages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deepwell.cli.doctor_words import _WORDS
from deepwell.cli.doctoring import explain_code
from deepwell.cli.main import main
from deepwell.findings import pages, use_language


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    yield
    use_language(None)


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two classes, all answers right, and a loss that stays on the floor of a double softmax (ultralytics#20014)."""
    losses = [0.6, 0.4, *[0.31328] * 6]
    rows = [
        {"epoch": e + 1, "train_loss": v, "train_acc": 1.0 if e > 1 else 0.8, "f1": 1.0} for e, v in enumerate(losses)
    ]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_log(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "doctor", "--log", log, "--classes", 2)
    assert code == 0
    assert out.startswith("warn M01 train: the loss stays at 0.3133")
    assert "-> return raw scores" in out
    assert "--allow" not in out, "there is nothing to allow: nothing is held up"
    assert "8 points of train_loss (loss), train_acc (accuracy); not looked at: f1" in err
    assert "explain-code M01" in err
    assert run(capsys, "doctor", log.parent, "--classes", 2)[1] == out, "a run's folder is its log"
    assert run(capsys, "doctor", log, "--classes", 2)[1] == out, "a log needs no option"


def test_json(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "doctor", "--log", log, "--classes", 2, "--json")
    found = json.loads(out)
    assert (code, found["points"], found["ignored"]) == (0, 8, ["f1"])
    assert found["read"] == {"epoch": "epoch", "loss": "train_loss", "accuracy": "train_acc"}
    assert found["findings"][0]["values"]["classes"] == 2


def test_a_stop_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("epoch,loss\n1,0.9\n2,nan\n3,nan\n")
    code, out, err = run(capsys, "doctor", "--log", tmp_path / "log.csv")
    assert code == 1
    assert out.startswith("stop O20 train: the loss is not finite (NaN or infinite) from epoch 2 on, 2 of 3 points")
    assert "say --classes, --positives or --target-variance" in err
    assert "3 points are too few to judge a trend" in err


def test_nothing_is_said_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("epoch,loss\n" + "".join(f"{e},{0.5**e}\n" for e in range(20)))
    assert run(capsys, "doctor", "--log", tmp_path / "log.csv", "--classes", 2)[:2] == (
        0,
        "nothing found in this curve\n",
    )


def test_chinese(log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = run(capsys, "doctor", "--log", log, "--classes", 2, "--lang", "zh")
    assert code == 0
    assert "损失停在 0.3133" in out
    assert "已读取" in err
    assert run(capsys, "doctor", "--log", log, "--classes", 2)[1].startswith("warn M01 train: the loss"), "for once"
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "损失停在" in run(capsys, "doctor", "--log", log, "--classes", 2)[1]
    assert run(capsys, "explain-code", "M01", "--lang", "en")[1].startswith("M01  Softmax before")


MISTAKES: dict[str, tuple[Callable[[Path], list[Any]], str]] = {
    "nothing": (lambda p: [], "nothing was named"),
    "both": (lambda p: ["a.py", "--log", p], "a script and a log were named"),
    "no such log": (lambda p: ["--log", p.parent / "none.csv"], "there is no"),
    "no such script": (lambda p: [p.parent / "none.py"], "there is no script"),
    "arguments for a log": (lambda p: ["--log", p, "--steps", 3], "--steps is for a script"),
    "positives for a script": (lambda p: [__file__, "--positives", 0.1], "--positives is about a log"),
    "classes 1": (lambda p: ["--log", p, "--classes", 1], "classes is 1"),
    "positives 10": (lambda p: ["--log", p, "--positives", 10], "0.1 means 10 %"),
    "misspelt loss": (lambda p: ["--log", p, "--loss", "crossentropy"], "did you mean 'cross_entropy'"),
    "misspelt column": (lambda p: ["--log", p, "--loss-column", "trian_loss"], "did you mean 'train_loss'"),
    "language": (lambda p: ["--log", p, "--lang", "fr"], "--lang en or --lang zh"),
    "empty folder": (lambda p: [_made(p.parent / "empty")], "holds no log"),
    "classes no number": (lambda p: ["--log", p, "--classes", "ten"], "--classes"),
}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("words", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(words: Callable[[Path], list[Any]], said: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "doctor", *words(log))
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_a_script(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.py").write_text(
        "import sys, torch\n"
        "from torch import nn\n"
        "print('rows', sys.argv[1])\n"
        "x = torch.randn(int(sys.argv[1]), 4)\n"
        "model = nn.Linear(4, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.01)\n"
        "for _ in range(1000):\n"
        "    loss = nn.MSELoss()(model(x), x.sum(1))\n"
        "    optimizer.zero_grad(); loss.backward(); optimizer.step()\n"
    )
    code = main(["doctor", str(tmp_path / "train.py"), "--steps", "5", "--", "64"])
    out, err = capfd.readouterr()
    assert code == 1
    assert out.startswith("stop D12 loss:")
    assert "rows 64" in err
    assert "after 5 steps" in err
    assert "seen: model Linear, loss mse_loss" in err


def test_explain_code(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain-code", "m01")
    assert code == 0
    assert "Wrong:" in out and "Right:" in out and "To fix it:" in out
    code, out, _ = run(capsys, "explain-code", "--json")
    assert {row["code"] for row in json.loads(out)} == set(pages())
    code, out, _ = run(capsys, "explain-code", "D22", "--json")
    assert {"code", "title", "why", "fix", "wrong", "right", "coverage"} == set(json.loads(out))
    for wrong, near in (("M1", "M01"), ("MO1", "M01"), ("O2", "O02"), ("e9", "E09")):
        code, out, err = run(capsys, "explain-code", wrong)
        assert (code, out) == (2, "")
        assert f"did you mean {near}?" in err
    assert "deepwell explain-code" in run(capsys, "explain-code", "softmax")[2]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_page_can_be_printed(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    use_language(lang)
    for code in pages():
        assert explain_code(code, json=False) == 0
        assert capsys.readouterr().out.startswith(code)


def test_words_have_the_same_values_in_both_languages() -> None:
    import string

    for name, (en, zh) in _WORDS.items():
        fields = [{f for _, f, _, _ in string.Formatter().parse(text) if f} for text in (en, zh)]
        assert fields[0] == fields[1], name


def test_a_log_is_read_without_torch(log: Path) -> None:
    code = "import sys; from deepwell.cli.main import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor", "--log", str(log)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
