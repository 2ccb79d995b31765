"""Three hundred of the requests of ``benchmarks/mutated_requests.py``, over real sockets."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from tests.serve.made import model_of, serving
from tests.serve.test_gate import explained
from tests.serve.test_server import ready

from deepwell.serve.app import make_app
from deepwell.serve.limits import Limits

FOLDER = Path(__file__).parents[2] / "benchmarks"
COUNT = 300


@pytest.fixture(scope="module")
def attacks() -> Iterator[Any]:
    """The benchmark's module, which is no package."""
    sys.path.insert(0, str(FOLDER))
    try:
        import mutated_requests

        yield mutated_requests
    finally:
        sys.path.remove(str(FOLDER))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of damaged files
@pytest.mark.parametrize("kind", ["image", "text"])
def test_no_request_hurts(
    kind: str, attacks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    limits = Limits(body_seconds=0.3, header_seconds=2, timeout=20)
    app = make_app(model_of(kind), limits, explain=explained)
    with serving(app, limits) as (port, _):
        ready(app)
        found, bad = asyncio.run(attacks.storm(port, 0, COUNT, clients=8, pause=0.5))
        assert bad == []
        assert found.total() == COUNT and found["slow: 408"] + found["slow: closed"] == COUNT // 100
        assert not [name for name in found if "599" in name]
        engine = app.state.engine
        for _ in range(1000):
            if engine.room.taken == 0:
                break
            asyncio.run(asyncio.sleep(0.01))
        assert engine.room.taken == 0 and engine.status == "ready"
    assert "fault" not in caplog.text
    assert list(tmp_path.iterdir()) == []
