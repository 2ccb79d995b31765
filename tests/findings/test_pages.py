"""The pages of the catalogue: complete, in both languages, true to the checks that use them, and in docs/doctor.md."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

import pytest

from deepwell.core.errors import UserError
from deepwell.findings import Finding, Page, page, pages

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "deepwell"
RANGES = {"D": 37, "M": 33, "O": 27, "E": 15, "R": 4, "X": 9}
CATALOGUE = [f"{letter}{number:02}" for letter, last in RANGES.items() for number in range(1, last + 1)]
CODES = [*CATALOGUE, "C01"]  # C01 is the doctor's own: a check that failed
SAWS = [(code, saw) for code in CODES for saw in page(code).saw]


def chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def places(template: str) -> dict[str, list[str]]:
    """Names of a template's placeholders with their format specifications."""
    found: dict[str, list[str]] = {}
    for _, name, specification, _ in Formatter().parse(template):
        if name is not None:
            found.setdefault(re.split(r"[.\[]", name)[0], []).append(specification or "")
    return found


def examples(template: str) -> dict[str, Any]:
    """A value for each placeholder that its format specifications can take."""
    values: dict[str, Any] = {}
    for name, specifications in places(template).items():
        numbers = [s for s in specifications if s and s[-1] in "eEfFgG%"]
        values[name] = 0.25 if numbers else 3 if any(specifications) else "something"
    return values


class Call(NamedTuple):
    """A ``Finding(...)`` in the source; ``saw`` and ``given`` are None where they are not written out."""

    at: str
    code: str
    saw: str | None
    given: set[str] | None


@cache
def trees() -> list[tuple[str, ast.Module]]:
    paths = [path for path in sorted(SOURCE.rglob("*.py")) if "findings" not in path.relative_to(SOURCE).parts]
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


@cache
def strings() -> set[str]:
    """Every string that the source writes out by itself."""
    return {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def calls(name: str, tree: ast.Module) -> Iterator[Call]:
    """Every finding of a file whose code is written out. A conditional expression gives one for each branch."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", getattr(node.func, "attr", "")) != "Finding":
            continue
        given = dict(zip(("code", "level", "where", "saw", "values"), node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        codes, saws, values = branches(given.get("code")), branches(given.get("saw")), given.get("values")
        keys: set[str] | None = set() if values is None else None
        if isinstance(values, ast.Dict) and all(isinstance(key, ast.Constant) for key in values.keys):
            keys = {str(key.value) for key in values.keys if isinstance(key, ast.Constant)}
        for code in codes:
            for saw in saws or [None]:
                yield Call(f"{name}:{node.lineno}", code, saw, keys)


def branches(node: ast.expr | None) -> list[str]:
    """The strings that an expression can be, as far as it says so."""
    if isinstance(node, ast.IfExp):
        return branches(node.body) + branches(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


@cache
def all_calls() -> list[Call]:
    return [call for name, tree in trees() for call in calls(name, tree)]


@cache
def script() -> Any:
    specification = importlib.util.spec_from_file_location("make_doctor_page", ROOT / "docs" / "make_doctor_page.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert len(CATALOGUE) == 125
    assert sorted(pages()) == sorted(CODES)


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(UserError, match="no finding 'M99'"):
        page("M99")


@pytest.mark.parametrize("code", CODES)
def test_texts_are_there_in_both_languages(code: str) -> None:
    found = page(code)
    for name in ("title", "why", "fix"):
        texts = getattr(found, name)
        assert set(texts) == {"en", "zh"}
        assert texts["en"].strip() and not chinese(texts["en"])
        assert chinese(texts["zh"])
    # the fix of a page stands beside the evidence of any of its sentences: it can't ask for their numbers
    assert "{" not in found.fix["en"] + found.fix["zh"]
    assert "{" not in "".join([*found.title.values(), *found.why.values()])


@pytest.mark.parametrize("code", CODES)
def test_examples_are_code_of_a_few_lines(code: str) -> None:
    found = page(code)
    assert bool(found.wrong.strip()) == bool(found.right.strip())
    for example in (found.wrong, found.right):
        lines = example.strip("\n").splitlines()
        assert len(lines) <= 6
        ast.parse("\n".join(line for line in lines if not line.startswith(("deepwell ", "#"))))


@pytest.mark.parametrize(("code", "saw"), SAWS)
def test_what_was_seen_has_the_same_numbers_in_both_languages(code: str, saw: str) -> None:
    texts = page(code).saw[saw]
    assert set(texts) <= {"en", "zh", "fix_en", "fix_zh"}
    assert chinese(texts["zh"]) and not chinese(texts["en"])
    # a value that is a word comes in both languages: {unit} and {unit_zh}
    assert set(places(texts["en"])) == {name.removesuffix("_zh") for name in places(texts["zh"])}
    assert ("fix_en" in texts) == ("fix_zh" in texts)
    for name in ("fix_en", "fix_zh"):
        asked = {place.removesuffix("_zh") for place in places(texts.get(name, ""))}
        assert asked <= set(places(texts["en"]))
    values = examples(" ".join(texts.values()))
    for lang in ("en", "zh"):
        finding = Finding(code, "note", "model", saw, values)
        assert finding.evidence(lang).strip() and finding.fix(lang).strip()


def test_findings_in_the_source_name_a_page_and_a_sentence_with_its_numbers() -> None:
    assert len(all_calls()) > 50
    wrong = []
    for call in all_calls():
        if call.code not in pages():
            wrong.append(f"{call.at}: no page {call.code}")
        elif call.saw is not None and call.saw not in page(call.code).saw:
            wrong.append(f"{call.at}: {call.code} has no sentence '{call.saw}'")
        elif call.saw is not None and call.given is not None:
            wanted = set(places(" ".join(page(call.code).saw[call.saw].values())))
            if not wanted <= call.given:
                wrong.append(f"{call.at}: {call.code} '{call.saw}' lacks {sorted(wanted - call.given)}")
    assert not wrong, "\n".join(wrong)


def test_a_wrong_finding_would_be_seen() -> None:
    text = "Finding('M01', 'stop', 'output', 'probabilities' if x else 'floor', {'floor': 1.0})"
    assert [call[1:] for call in calls("x", ast.parse(text))] == [
        ("M01", "probabilities", {"floor"}),
        ("M01", "floor", {"floor"}),
    ]
    assert set(places(page("M01").saw["floor"]["en"])) > {"floor"}


def test_every_sentence_is_said_by_some_check() -> None:
    assert [f"{code} {saw}" for code, saw in SAWS if saw not in strings()] == []


@pytest.mark.parametrize("code", CATALOGUE)
def test_coverage_says_what_the_source_does(code: str) -> None:
    coverage: dict[str, str] = dict(page(code).coverage)
    assert set(coverage) == {"own", "foreign", "how"} and all(coverage.values())
    states = {name: script().state(coverage[name]) for name in ("own", "foreign")}
    detected = "detected" in states.values()
    assert detected == (code in strings()), f"{code} is {'not ' * (not detected)}detected by its page"
    assert states["foreign"] != "impossible by construction"  # nothing of ours constructs it
    if states["own"] == "impossible by construction":
        assert "tests/" in coverage["how"], "name the test that proves the construction"
    for path, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", coverage["how"]):
        assert (ROOT / path).is_file(), path
        assert not name or re.search(rf"^ *def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name


def test_the_document_is_up_to_date() -> None:
    text = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert script().made(text) == text, "run python docs/make_doctor_page.py"
    assert all(f"\n| {code} | " in text for code in CATALOGUE)


def test_the_table_escapes_what_would_cut_a_cell() -> None:
    odd = Page("M01", {"en": "a|b"}, {}, {}, "", "", {}, {"own": "detected", "foreign": "detected", "how": "|x| > 1"})
    assert script().row(odd) == "| M01 | a\\|b | detected | detected | \\|x\\| > 1 |"
