"""Named sets: shipped, found, fetched; and what is said when that fails."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from deepwell.core.errors import UserError
from deepwell.core.files import cache_folder
from deepwell.data import download
from deepwell.data.named import NAMED, File, is_here, open_named

FASHION = Path("/usr/share/datasets/fashion-mnist")


def test_digits_are_the_repository_s() -> None:
    source, known = open_named("digits"), load_digits()
    assert source.x.dtype == np.uint8
    assert np.array_equal(source.x, np.round(known.images * 255 / 16))
    assert np.array_equal(source.y, known.target)
    assert is_here("digits")


def test_every_set_says_what_it_is() -> None:
    for name, entry in NAMED.items():
        assert entry.description
        assert entry.licence
        assert name == "digits" or (entry.files and entry.mirrors)
        for file in entry.files:
            assert len(file.md5) == 32
            assert file.largest > 0
        assert all(mirror.endswith("/") for mirror in entry.mirrors)


@pytest.mark.real
@pytest.mark.skipif(not FASHION.is_dir(), reason="the system package dataset-fashion-mnist is not here")
def test_a_system_package_is_found_and_whole() -> None:
    # Debian packs the files anew, without their names: the publishers' digests are not those of its files
    source = open_named("fashion-mnist")
    assert source.x.shape == (70_000, 28, 28)
    assert (source.parts or []).count("test") == 10_000
    names, counts = np.unique(source.y, return_counts=True)
    assert len(names) == 10
    assert (counts == 7_000).all()


def _idx(array: np.ndarray) -> bytes:
    sides = b"".join(side.to_bytes(4, "big") for side in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sides + array.tobytes())


@pytest.fixture
def mnist_files() -> dict[str, bytes]:
    x, y = np.arange(6 * 16, dtype=np.uint8).reshape(6, 4, 4), np.arange(6, dtype=np.uint8) % 2
    arrays = {"train-images-idx3": x, "train-labels-idx1": y, "t10k-images-idx3": x[:2], "t10k-labels-idx1": y[:2]}
    return {f"{name}-ubyte.gz": _idx(array) for name, array in arrays.items()}


class _Server:
    """Files on 127.0.0.1; ``cut`` names one that is sent by half, ``asked`` what was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.cut, self.asked = files, "", list[str]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                outer.asked.append(name)
                content = outer.files.get(name)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if name == outer.cut else content)

            def log_message(self, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/mnist/"


@pytest.fixture
def server(mnist_files: dict[str, bytes]) -> Iterator[_Server]:
    made = _Server(dict(mnist_files))
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def mirrored(server: _Server, mnist_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> _Server:
    files = tuple(File(name, hashlib.md5(content).hexdigest(), 10_000) for name, content in mnist_files.items())
    monkeypatch.setitem(NAMED, "mnist", replace(NAMED["mnist"], files=files, mirrors=(server.address,)))
    return server


def _in_cache() -> list[str]:
    folder = cache_folder() / "sets" / "mnist"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_fetched_once(mirrored: _Server) -> None:
    assert not is_here("mnist")
    told: list[tuple[str, int, int]] = []
    source = open_named("mnist", progress=lambda *news: told.append(news))
    assert source.x.shape == (8, 4, 4)
    assert source.parts == ["train"] * 6 + ["test"] * 2
    assert source.origin == "mnist"
    assert {name for name, *_ in told} == set(mirrored.files)
    assert all(0 < now <= total for _, now, total in told)
    assert is_here("mnist")
    before = len(mirrored.asked)
    open_named("mnist")
    assert len(mirrored.asked) == before


def test_only_what_is_lacking_is_fetched(mirrored: _Server) -> None:
    open_named("mnist")
    (cache_folder() / "sets" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    mirrored.asked.clear()
    open_named("mnist")
    assert mirrored.asked == ["t10k-labels-idx1-ubyte.gz"]


def test_the_next_mirror_is_tried(mirrored: _Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mirrors = ("http://127.0.0.1:9/", (tmp_path / "nothing").as_uri() + "/", mirrored.address)
    monkeypatch.setitem(NAMED, "mnist", replace(NAMED["mnist"], mirrors=mirrors))
    assert len(open_named("mnist").x) == 8


def test_a_file_address_works(mirrored: _Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, content in mirrored.files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setitem(NAMED, "mnist", replace(NAMED["mnist"], mirrors=(tmp_path.as_uri() + "/",)))
    assert len(open_named("mnist").x) == 8
    assert not mirrored.asked


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("altered", r"MD5 [0-9a-f]{32}, expected [0-9a-f]{32}: cut off or altered"),
        ("cut", r"cut off"),
        ("missing", r"Not Found"),
        ("too large", r"larger than 10,000 bytes"),
    ],
)
def test_a_download_that_is_not_the_publishers(mirrored: _Server, harm: str, words: str) -> None:
    name = "train-images-idx3-ubyte.gz"
    content = mirrored.files[name]
    if harm == "altered":
        mirrored.files[name] = content[:-1] + b"?"
    elif harm == "cut":
        mirrored.cut = name
    elif harm == "missing":
        del mirrored.files[name]
    else:
        mirrored.files[name] = content + bytes(20_000)
    with pytest.raises(UserError, match=words) as caught:
        open_named("mnist")
    assert mirrored.address in str(caught.value)
    assert _in_cache() == []  # neither the file nor a piece of it


def test_without_a_network(mirrored: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(NAMED["mnist"], mirrors=("http://127.0.0.1:9/a/", "http://127.0.0.1:9/b/"), package="dataset-x")
    monkeypatch.setitem(NAMED, "mnist", entry)
    with pytest.raises(UserError) as caught:
        open_named("mnist")
    words = str(caught.value)
    for expected in (
        "'mnist' is not on this machine",
        "train-images-idx3-ubyte.gz",
        "127.0.0.1:9/a/",
        "127.0.0.1:9/b/",
        "refused",
        str(cache_folder() / "sets" / "mnist"),
        "$DEEPWELL_DATA/mnist",
        "system package dataset-x",
        "`digits` needs no network",
    ):
        assert expected in words


@pytest.mark.parametrize("packed", [True, False])
def test_files_put_there_by_hand(
    mirrored: _Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, packed: bool
) -> None:
    (tmp_path / "mnist").mkdir()
    for name, content in mirrored.files.items():
        path = tmp_path / "mnist" / (name if packed else name.removesuffix(".gz"))
        path.write_bytes(content if packed else gzip.decompress(content))
    monkeypatch.setenv("DEEPWELL_DATA", str(tmp_path))
    assert is_here("mnist")
    assert len(open_named("mnist").x) == 8
    assert not mirrored.asked


def test_a_full_disk_is_no_fault_of_the_mirror(mirrored: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *error: object) -> None:
            return

        def write(self, _data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "open", lambda *_: Full(), raising=False)
    with pytest.raises(UserError, match=r"sets/mnist can't be written \(No space left.*DEEPWELL_CACHE"):
        open_named("mnist")


def test_a_cache_that_can_not_be_made(mirrored: _Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DEEPWELL_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="can't be written"):
        open_named("mnist")


def test_unknown_name() -> None:
    with pytest.raises(UserError, match=r"unknown data set 'fashion_mnist'.*did you mean 'fashion-mnist'"):
        open_named("fashion_mnist")


def _cifar(folder: Path, *, archive: str, members: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / archive, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _records(labels: list[bytes], first: int) -> bytes:
    return b"".join(label + bytes((first + i + c) % 256 for c in range(3) for _ in range(1024)) for i, label in
                    enumerate(labels))  # fmt: skip


def test_cifar10(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEPWELL_DATA", str(tmp_path))
    members = {
        "test_batch.bin": _records([b"\x00"], 90),
        "data_batch_2.bin": _records([b"\x02", b"\x01"], 20),
        "batches.meta.txt": b"airplane\nautomobile\nbird\n\n",
        "data_batch_1.bin": _records([b"\x01", b"\x00"], 10),
        "readme.html": b"<p>",
    }
    _cifar(tmp_path / "cifar10", archive="cifar-10-binary.tar.gz", members=members)
    source = open_named("cifar10")
    assert source.y.tolist() == ["automobile", "airplane", "bird", "automobile", "airplane"]
    assert source.parts == ["train"] * 4 + ["test"]
    assert source.x.shape == (5, 32, 32, 3)
    assert source.x[:, 7, 9].tolist() == [[v, v + 1, v + 2] for v in (10, 11, 20, 21, 90)]  # red, green, blue


def test_cifar100_takes_the_fine_label(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEPWELL_DATA", str(tmp_path))
    members = {
        "train.bin": _records([b"\x01\x00", b"\x00\x02"], 10),
        "test.bin": _records([b"\x01\x01"], 30),
        "fine_label_names.txt": b"apple\naquarium_fish\nbaby\n",
        "coarse_label_names.txt": b"animals\nplants\n",
    }
    _cifar(tmp_path / "cifar100", archive="cifar-100-binary.tar.gz", members=members)
    assert open_named("cifar100").y.tolist() == ["apple", "baby", "aquarium_fish"]


def test_cifar_archives_that_are_damaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEPWELL_DATA", str(tmp_path))
    good = {"data_batch_1.bin": _records([b"\x01"], 1), "test_batch.bin": _records([b"\x00"], 2)}
    folder, archive = tmp_path / "cifar10", "cifar-10-binary.tar.gz"
    cases: list[dict[str, bytes]] = [
        {},
        {**good, "batches.meta.txt": b"one\n"},  # fewer names than labels
        {"data_batch_1.bin": good["data_batch_1.bin"], "batches.meta.txt": b"a\nb\n"},  # no test part
        {**good, "batches.meta.txt": b"a\nb\n", "data_batch_2.bin": b"\x01" * 100},  # half a record
    ]
    for members in cases:
        _cifar(folder, archive=archive, members=members)
        with pytest.raises(UserError, match=r"cifar-10-binary\.tar\.gz can't be read.*fetched again"):
            open_named("cifar10")
    whole = (folder / archive).read_bytes()
    (folder / archive).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="can't be read"):
        open_named("cifar10")
