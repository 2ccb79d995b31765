"""What lies at a path is recognised; what is not is said with the nearest right one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from deepwell.core.errors import UserError
from deepwell.data.recognise import recognise


@pytest.fixture
def table(folder: Path) -> pl.DataFrame:
    files = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.png"))]
    return pl.DataFrame({"picture": files, "kind": [name.split("/")[0] for name in files]})


@pytest.mark.parametrize("end", ["csv", "tsv", "parquet", "ndjson", "jsonl", "CSV"])
def test_tables_with_paths_relative_to_themselves(folder: Path, table: pl.DataFrame, end: str) -> None:
    path = folder / f"list.{end}"
    if end.lower() == "csv":
        table.write_csv(path)
    elif end == "tsv":
        table.write_csv(path, separator="\t")
    elif end == "parquet":
        table.write_parquet(path)
    else:
        table.write_ndjson(path)
    source = recognise(path, target="kind")
    assert len(source.x) == 60
    assert set(source.y) == {"cat", "dog", "bird"}
    assert source.origin == str(path)
    assert source.name == "list"


def test_a_table_whose_labels_change_their_kind_late(folder: Path, table: pl.DataFrame) -> None:
    labels = [*(str(i % 2) for i in range(59)), "many"]
    table.with_columns(kind=pl.Series(labels)).write_csv(folder / "list.csv")
    assert recognise(folder / "list.csv", target="kind").y[-1] == "many"


def test_a_table_that_is_none(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv", b""),
        ("a.parquet", b"PAR1 no"),
        ("a.ndjson", b"{"),
        ("a.csv", b"\xff\xfe\x00\xd8"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            recognise(tmp_path / name, target="kind")


def test_names_paths_and_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recognise("digits").name == "digits"
    assert len(recognise(str(folder)).x) == 60
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(recognise("~/pictures").x) == 60
    monkeypatch.chdir(folder.parent)
    Path("digits").symlink_to("pictures")
    assert len(recognise("digits").x) == 60  # what lies here goes before a set's name


def test_nothing_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases: list[tuple[str | Path, str]] = [
        ("digit", "did you mean 'digits'"),
        ("fashion_mnist", "did you mean 'fashion-mnist'"),
        (folder.parent / "picture", f"did you mean '{folder}'"),
        (folder.parent / "pictuers" / "cat", f"did you mean '{folder}'"),
        ("/zzzz-q/none", "one of digits"),
        ("", "the path is empty"),
    ]
    monkeypatch.chdir(folder)
    for where, words in cases:
        with pytest.raises(UserError) as caught:
            recognise(where)
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.npy", "np.savez"),
        ("a.zip", "unpack it"),
        ("a.png", "one folder of pictures for each class"),
        ("a.pkl", "may run code"),
        ("a.xyz", "one folder for each class"),
        ("train-images-idx3-ubyte", "is no IDX file"),
    ],
)
def test_files_of_other_kinds(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(UserError) as caught:
        recognise(tmp_path / name)
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_a_target_where_there_is_no_table(folder: Path) -> None:
    for where in (folder, "digits"):
        with pytest.raises(UserError, match=r"names the column 'kind'.*is no table"):
            recognise(where, target="kind")


def test_nothing_is_written_beside_the_data(folder: Path) -> None:
    before = sorted(path for path, *_ in os.walk(folder))
    recognise(folder)
    assert before == sorted(path for path, *_ in os.walk(folder))


def test_an_idx_file_by_its_content_not_its_name(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "my-idx-picture.png")
    with pytest.raises(UserError, match="kind that is not known"):
        recognise(tmp_path / "my-idx-picture.png")
