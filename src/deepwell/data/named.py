"""Sets by name: shipped, found where a system package put them, or fetched with checksums."""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.files import atomic_path, cache_folder
from deepwell.data.download import DownloadError, Progress, download
from deepwell.data.idx import read_idx_folder
from deepwell.data.source import Source


@dataclass(frozen=True)
class File:
    """A file to fetch: its name, MD5 digest (as its publishers give it) and largest plausible size in bytes."""

    name: str
    md5: str
    largest: int


@dataclass(frozen=True)
class NamedSet:
    """A set of data.

    Attributes:
        description: one line.
        licence: of the data.
        files: to fetch; none where the set ships with the package.
        mirrors: addresses of folders that hold the files.
        read: folder -> Source.
        package: Debian package that carries it, or "".
    """

    description: str
    licence: str
    files: tuple[File, ...]
    mirrors: tuple[str, ...]
    read: Callable[[Path], Source]
    package: str = ""


def _read_digits(_folder: Path) -> Source:
    with np.load(Path(__file__).parent / "sets" / "digits.npz", allow_pickle=False) as file:
        # the shades are 0 .. 16; spread over the range of a picture's bytes they are read like any picture
        x = np.round(file["x"].astype(np.float32) * (255 / 16)).astype(np.uint8)
        y = file["y"].astype(np.int64)
    return Source(
        "digits", "image", x, y, None, "digits", f"{len(x):,} handwritten digits of 8x8, shipped with deepwell"
    )


def _read_cifar(folder: Path, *, archive: str, names: str, skip: int, name: str) -> Source:
    """CIFAR's binary version: records of ``skip`` label bytes, the last of which counts, and 3 x 32 x 32 bytes.

    The labels are the words of the archive's own list, the member ``names``.
    """
    pieces: dict[str, np.ndarray] = {}
    words: list[str] = []
    try:
        with tarfile.open(folder / archive, "r:gz") as tar:
            for member in tar:
                base = Path(member.name).name
                if not member.isfile() or member.size > 1 << 28:
                    continue
                file = tar.extractfile(member) if base == names or base.endswith(".bin") else None
                if file is not None and base == names:
                    words = file.read().decode().split()
                elif file is not None:
                    pieces[base] = np.frombuffer(file.read(), np.uint8).reshape(-1, skip + 3072)
        test = np.concatenate([pieces[base] for base in sorted(pieces) if base.startswith("test")])
        train = np.concatenate([pieces[base] for base in sorted(pieces) if not base.startswith("test")])
        everything = np.concatenate([train, test])
        y = np.array(words)[everything[:, skip - 1].astype(np.int64)]
    except (tarfile.TarError, OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise UserError(
            f"{folder / archive} can't be read ({error})", fix="remove it, so that it is fetched again"
        ) from None
    x = everything[:, skip:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    sides = ["train"] * len(train) + ["test"] * len(test)
    found = f"{len(x):,} colour pictures of 32x32 ({len(train):,} to train, {len(test):,} to test)"
    return Source(name, "image", np.ascontiguousarray(x), y, sides, name, found)


_FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def _read_fashion(folder: Path) -> Source:
    source = read_idx_folder(folder, name="fashion-mnist")
    names = np.array(_FASHION)
    return replace(source, y=names[np.asarray(source.y, dtype=np.int64)], found=source.found + ", Zalando's articles")


def _idx_files(digests: tuple[str, str, str, str]) -> tuple[File, ...]:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    return tuple(File(f"{name}.gz", digest, 40 << 20) for name, digest in zip(names, digests, strict=True))


NAMED: dict[str, NamedSet] = {
    "digits": NamedSet(
        "1,797 handwritten digits, 8x8, 10 classes", "CC BY 4.0 (UCI, doi:10.24432/C50P49)", (), (), _read_digits
    ),
    "mnist": NamedSet(
        "70,000 handwritten digits, 28x28, 10 classes",
        "CC BY-SA 3.0",
        _idx_files(
            (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            )
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        lambda folder: read_idx_folder(folder, name="mnist"),
    ),
    "fashion-mnist": NamedSet(
        "70,000 pictures of clothing, 28x28, 10 classes",
        "MIT (Zalando)",
        _idx_files(
            (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            )
        ),
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        _read_fashion,
        "dataset-fashion-mnist",
    ),
    "cifar10": NamedSet(
        "60,000 colour pictures, 32x32, 10 classes",
        "free to use, cite Krizhevsky 2009",
        (File("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 200 << 20),),
        ("https://www.cs.toronto.edu/~kriz/",),
        lambda folder: _read_cifar(
            folder,
            archive="cifar-10-binary.tar.gz",
            names="batches.meta.txt",
            skip=1,
            name="cifar10",
        ),
    ),
    "cifar100": NamedSet(
        "60,000 colour pictures, 32x32, 100 classes",
        "free to use, cite Krizhevsky 2009",
        (File("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", 200 << 20),),
        ("https://www.cs.toronto.edu/~kriz/",),
        lambda folder: _read_cifar(
            folder, archive="cifar-100-binary.tar.gz", names="fine_label_names.txt", skip=2, name="cifar100"
        ),
    ),
}


def _places(name: str) -> list[Path]:
    """Where a set may lie, in the order of looking."""
    chosen = os.environ.get("DEEPWELL_DATA")
    own = [Path(chosen).expanduser() / name] if chosen else []
    return [*own, cache_folder() / "sets" / name, Path("/usr/share/datasets") / name]


def _lacking(folder: Path, files: tuple[File, ...]) -> list[File]:
    """Files that are not in a folder, packed or unpacked."""
    return [
        file
        for file in files
        if not any((folder / name).is_file() for name in (file.name, file.name.removesuffix(".gz")))
    ]


def is_here(name: str) -> bool:
    """Whether a set can be opened without a network."""
    entry = NAMED[name]
    return not entry.files or any(not _lacking(place, entry.files) for place in _places(name))


def open_named(name: str, *, progress: Progress | None = None) -> Source:
    """A set by its name, fetched at its first use.

    It is looked for in ``$DEEPWELL_DATA/NAME``, in the cache's ``sets/NAME`` and where a system package puts it.

    Args:
        name: one of ``NAMED``.
        progress: ``(file, bytes so far, bytes in all or 0)``, called as a download goes on.

    Raises:
        UserError: unknown name; no network; a download that is not what its publishers say.
    """
    if name not in NAMED:
        raise unknown_name("data set", name, NAMED)
    entry = NAMED[name]
    if not entry.files:
        return entry.read(Path())
    for place in _places(name):
        if not _lacking(place, entry.files):
            return entry.read(place)
    folder = cache_folder() / "sets" / name
    for file in _lacking(folder, entry.files):
        _fetch(name, file, folder, progress)
    return entry.read(folder)


def _fetch(name: str, file: File, folder: Path, progress: Progress | None) -> None:
    entry, problems = NAMED[name], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None
    for mirror in entry.mirrors:
        try:
            with atomic_path(folder / file.name) as temporary:
                download(mirror + file.name, temporary, md5=file.md5, largest=file.largest, progress=progress)
            return
        except DownloadError as error:
            problems.append(f"{mirror}: {error}")
        except OSError as error:
            raise _unwritable(folder, error) from None
    package = f", or install the system package {entry.package}" if entry.package else ""
    raise UserError(
        f"the set '{name}' is not on this machine and {file.name} can't be fetched ({'; '.join(problems)})",
        expected="a network, or its files " + ", ".join(f.name for f in entry.files) + f" in {folder}",
        fix=f"copy these files into that folder or into $DEEPWELL_DATA/{name}{package}; `digits` needs no network",
    )


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"{folder} can't be written ({error.strerror or error})",
        fix="make room, or set DEEPWELL_CACHE to a folder that has some",
    )
