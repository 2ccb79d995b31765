"""The benchmark of the doctor: its corpus is whole, and a small part of it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from deepwell.findings import pages

FOLDER = Path(__file__).parents[2] / "benchmarks" / "doctor"

# DeepCrime's 24 operators (Humbatova, Jahangirova, Tonella 2021, table 1)
_NAMES = "TCL TRD TUD TAN TCO HBS HLR HNE HDB ACH ARM AAL RAW RCW RRW RCD WCI LCH OCH OCG VRM BAD BRM CPP"
DEEPCRIME = set(_NAMES.split(" "))


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The benchmark's modules, which are no package: their folder is on the path while they are tested."""
    sys.path.insert(0, str(FOLDER))
    try:
        import doctored
        import healthy
        import operators
        import programs
        import run
        import state
        import verdicts

        import report

        yield SimpleNamespace(
            doctored=doctored, healthy=healthy, operators=operators, programs=programs, report=report, run=run,
            state=state, verdicts=verdicts,
        )  # fmt: skip
    finally:
        sys.path.remove(str(FOLDER))


def test_the_corpus_is_as_large_as_it_says(bench: Any) -> None:
    programs = bench.programs
    assert len(programs.PROGRAMS) >= 18
    assert sum(p.loop == "plain" for p in programs.PROGRAMS.values()) >= 9
    assert sum(p.loop == "learner" for p in programs.PROGRAMS.values()) >= 9
    assert len(bench.healthy.HEALTHY) >= 60
    assert {o.deepcrime for o in bench.operators.OPERATORS.values()} - {""} == DEEPCRIME


def test_every_program_is_in_one_half(bench: Any) -> None:
    programs, healthy = bench.programs, bench.healthy
    assert sorted([*programs.DEVELOPMENT, *programs.HELD_OUT]) == sorted(programs.PROGRAMS)
    assert sorted(name for half in healthy.HALVES.values() for name in half) == sorted(healthy.HEALTHY)
    assert not set(programs.PROGRAMS) & set(healthy.HEALTHY)


def test_every_operator_names_codes_of_the_catalogue_and_applies_somewhere(bench: Any) -> None:
    known = set(pages())
    for operator in bench.operators.OPERATORS.values():
        assert operator.right <= known, operator.name
        assert operator.stage in ("preflight", "training")
        assert any(operator.applies(program) for program in bench.programs.PROGRAMS.values()), operator.name


def test_every_recorded_verdict_is_of_the_operator_as_it_is(bench: Any) -> None:
    import json

    known = json.loads(bench.run.VERDICTS.read_text())
    for key, verdict in known.items():
        program, name = key.split(" | ")
        assert program in bench.programs.PROGRAMS
        assert verdict["digest"] == bench.verdicts.digest(bench.operators.OPERATORS[name]), key


@pytest.mark.parametrize("name", ["softmax before cross-entropy", "labels from 1", "NaN in inputs"])
def test_a_fault_is_named_before_training(bench: Any, name: str) -> None:
    operator = bench.operators.OPERATORS[name]
    said = bench.doctored.before(operator.mutate(bench.programs.PROGRAMS["dense-table"]))
    assert said.loud & operator.right, said


def test_a_fault_is_named_in_training(bench: Any) -> None:
    operator = bench.operators.OPERATORS["zero_grad forgotten"]
    said = bench.doctored.during(operator.mutate(bench.programs.PROGRAMS["binary"]))
    assert said.loud & operator.right, said


@pytest.mark.parametrize("name", ["dense-table", "learner-tanh"])
def test_a_healthy_program_is_left_in_peace(bench: Any, name: str) -> None:
    program = bench.programs.PROGRAMS[name]
    said = bench.doctored.before(program)
    assert not said.loud and not said.raised, said
    said = bench.doctored.during(program)
    assert not said.loud and not said.raised, said


def test_a_verdict_tells_worse_from_level(bench: Any) -> None:
    operators, program = bench.operators.OPERATORS, replace(bench.programs.PROGRAMS["dense-table"], epochs=3)
    program = replace(program, name="dense-table in three epochs")
    assert bench.verdicts.judge(program, operators["inputs and labels misaligned"]).why == "score"
    assert bench.verdicts.judge(program, operators["labels from 1"]).why.startswith("crash")
    # a fault that a program does not feel does not count
    kept = replace(operators["labels from 1"], mutate=_unchanged)
    assert bench.verdicts.judge(program, kept).worse is False


def _unchanged(program: Any) -> Any:
    return program


def test_nothing_is_changed_by_an_examination(bench: Any) -> None:
    assert bench.state.differences(bench.programs.PROGRAMS["binary"], steps=10) == []


def test_the_property_test_sees_a_weight_and_a_random_number(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(program: Any, made: Any, batch: Any) -> list[Any]:
        with torch.no_grad():
            made.model[0].bias.add_(1e-6)
        torch.rand(1)
        return []

    monkeypatch.setattr(bench.doctored, "examined", careless)
    wrong = bench.state.differences(bench.programs.PROGRAMS["binary"], steps=10)
    assert wrong == ["state 0.bias", "torch", "the losses that follow"]


def test_a_row_counts_hits_misses_and_wrong_causes(bench: Any) -> None:
    def row(stage: str, before: str = "", during: str = "") -> Any:
        def found(text: str) -> list[tuple[str, str, str]]:
            return [(*item.split(), "") for item in text.split(",") if item]  # type: ignore[misc]

        return bench.run.Row(
            "development", "p", "o", "M01", ["M01", "M18"], stage, before=found(before), during=found(during)
        )

    assert row("preflight", "stop M18").hit
    late = row("preflight", "note M01", "warn M01")
    assert not late.hit and late.late and late.noted and not late.wrong
    assert row("training", "", "warn M01").hit
    assert row("training", "", "warn O01").wrong == {"O01"} and not row("training", "", "warn O01").hit
    text = bench.report.text([row("preflight", "stop M01"), row("preflight", "warn O01")], 60.0)
    assert "1/2 = 50.0%" in text and "1 misses" in text
