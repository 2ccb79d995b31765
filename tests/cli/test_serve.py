"""``deepwell serve`` as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import blobs

import deepwell as dw
from deepwell.cli import serving
from deepwell.cli.main import main

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    learner = dw.Learner(dw.arrays(*blobs()), model="mlp")
    learner.fit(epochs=1, threads=1, progress=False)
    path = tmp_path_factory.mktemp("served") / "model.safetensors"
    learner.save(path)
    return path


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The server does not run; what it would have run with."""
    told: list[dict[str, Any]] = []

    def run(app: Any, listener: Any, **options: Any) -> None:
        listener.close()
        told.append({"app": app, **options})

    monkeypatch.setattr("deepwell.serve.server.run", run)
    return told


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(model: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def called(*words: Any) -> tuple[int, str]:
        code = main(["serve", str(model), "--port", "0", *map(str, words)])
        return code, capsys.readouterr().err

    return called


def test_a_process_that_serves_and_ends_well(model: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "deepwell", "serve", str(model), "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        # the warm-up, in a thread of its own, may have its word first
        line = next((line for line in process.stderr if "warmed up" not in line), "")
        assert line.startswith("http://127.0.0.1:"), line
        address = line.split(": ")[0]
        with urllib.request.urlopen(f"{address}/model", timeout=30) as answer:
            assert json.load(answer)["input"]["kind"] == "image"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        rest = process.stderr.read()
        assert rest.endswith("stopped\n") and "Traceback" not in rest
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def test_options_become_limits(run: Run, never: list[dict[str, Any]]) -> None:
    assert run("--max-batch", 8, "--max-delay", 2, "--queue", 50, "--timeout", 3, "--max-pixels", 99)[0] == 0
    limits = never[0]["limits"]
    assert (limits.max_batch, limits.max_delay, limits.queue, limits.max_inputs) == (8, 0.002, 50, 50)
    assert (limits.timeout, limits.max_pixels, limits.max_bytes) == (3, 99, 16 << 20)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-batch", 0], "max_batch is 0"),
        (["--queue", -1], "queue is -1"),
        (["--queue", 5, "--max-inputs", 6], "the queue holds 5"),
        (["--timeout", "nan"], "timeout is nan"),
        (["--max-delay", -3], "max_delay is"),
        (["--grace", -1], "--grace is -1"),
        (["--host", "no-such-host.invalid"], "can't be listened on"),
        (["--token-file", "/no/such/file"], "can't be read"),
    ],
)
def test_mistakes_have_words(words: list[Any], said: str, run: Run, never: list[dict[str, Any]]) -> None:
    code, err = run(*words)
    assert code == 2 and said in err and "Traceback" not in err
    assert not never


def test_other_mistakes(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path / "nothing")]) == 2
    assert main(["serve", str(model), "--port", "70000"]) == 2
    assert "from 0 to 65535" in capsys.readouterr().err


def test_the_token_comes_from_a_file_or_the_environment(
    run: Run, never: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    file.chmod(0o644)
    code, err = run("--token-file", file)
    assert code == 0 and "every user of this machine can read" in err and "0123456789" not in err
    file.chmod(0o600)
    assert "every user" not in run("--token-file", file)[1]
    for bad in ("", "short", "with blanks in it, and long", "ü" * 20, "x" * 5000):
        file.write_text(bad)
        code, err = run("--token-file", file)
        assert code == 2 and "at least 16" in err
    monkeypatch.setenv("DEEPWELL_TOKEN", "")
    assert run()[0] == 2  # empty by mistake is not the same as none
    monkeypatch.setenv("DEEPWELL_TOKEN", "0123456789abcdef")
    assert run()[0] == 0
    gate = never[-1]["app"].user_middleware[0]
    assert gate.kwargs["token"] == "0123456789abcdef"


def test_an_open_door_is_said_aloud(run: Run, never: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "WARNING" not in run()[1]
    code, err = run("--host", "0.0.0.0")
    assert code == 0 and "WARNING: 0.0.0.0:" in err and "no token" in err
    monkeypatch.setenv("DEEPWELL_TOKEN", "0123456789abcdef")
    assert "WARNING" not in run("--host", "0.0.0.0")[1]
    assert serving._is_own("::1") and not serving._is_own("::") and not serving._is_own("192.168.1.1")


def test_help_names_no_token_on_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", "200")
    main(["serve", "--help"])
    text = capsys.readouterr().out
    assert "--token-file" in text and "--token " not in text
