"""``deepwell doctor`` and ``deepwell explain-code``: a log, a script or a code of the catalogue, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepwell.cli.commands import INTERRUPTED, emit, say
from deepwell.cli.doctor_words import word
from deepwell.core.errors import UserError, nearest
from deepwell.findings import Finding, Page, language, page, pages

if TYPE_CHECKING:
    from deepwell.doctor.logs.log_files import Log
    from deepwell.doctor.scripts.run import ScriptReport


def doctor(
    what: Path | None,
    arguments: Sequence[str],
    *,
    log: Path | None,
    steps: int | None,
    told: dict[str, Any],
    json: bool,
) -> int:
    """A script under watch, or a log; 1 where a finding is a stop.

    Args:
        what: a script, a run's folder, or a log.
        arguments: of the script.
        log: a log, said by its option.
        steps: of the script that are watched.
        told: about the task, by the names of ``examine_curve``; ``loss_column`` too.
        json: one object on standard output.
    """
    if (what is None) == (log is None):
        raise UserError(
            "nothing was named to look at" if what is None else "a script and a log were named",
            expected="deepwell doctor SCRIPT.py, deepwell doctor RUN, or deepwell doctor --log FILE",
            fix="name one of them",
        )
    place = log if log is not None else what
    assert place is not None
    told = {name: value for name, value in told.items() if value is not None}
    if log is None and place.suffix == ".py":
        return _script(place, arguments, steps, told, json=json)
    if arguments or steps is not None:
        raise UserError(
            f"{arguments[0] if arguments else '--steps'} is for a script, and {place} is a log",
            expected="deepwell doctor SCRIPT.py [-- ARGUMENTS]",
            fix="leave it out",
        )
    return _log(place, told, json=json)


def _ended(findings: Sequence[Finding]) -> int:
    return 1 if any(finding.level == "stop" for finding in findings) else 0


def _line(finding: Finding) -> str:
    # nothing is held up here, so there is nothing to allow
    return str(finding).removesuffix(f" (--allow {finding.code} to go on all the same)")


def _show(findings: Sequence[Finding], nothing: str) -> None:
    for finding in findings:
        print(_line(finding))
    if not findings:
        print(nothing)
    else:
        say(word("more", code=findings[0].code))


# ---- logs


def _log(place: Path, told: dict[str, Any], *, json: bool) -> int:
    from deepwell.doctor.logs.curves import examine_curve
    from deepwell.doctor.logs.log_files import read_log

    log = read_log(place, loss_column=told.pop("loss_column", None))
    say(_what_was_read(log))
    if log.left_out:
        say(word("left_out", count=log.left_out))
    findings = examine_curve(log.curve, **told)
    for text in _what_was_not_looked_for(log, told):
        say(text)
    if json:
        emit({"log": str(log.path), "read": dict(log.read), "ignored": list(log.ignored), "points": log.points,
              "findings": [finding.to_json() for finding in findings]})  # fmt: skip
    else:
        _show(findings, word("nothing_in_log"))
    return _ended(findings)


def _what_was_read(log: Log) -> str:
    named = [
        column if column == name else f"{column} ({name})"
        for name, column in log.read.items()
        if name not in ("step", "epoch")
    ]
    ignored = ", ".join(log.ignored[:8]) + (", ..." if len(log.ignored) > 8 else "")
    text = word("read", path=log.path, points=log.points, columns=", ".join(named))
    return text + (word("ignored", columns=ignored) if ignored else "")


def _what_was_not_looked_for(log: Log, told: dict[str, Any]) -> list[str]:
    missing = []
    if not told.keys() & {"classes", "positives", "target_variance"}:
        missing.append(word("not_told"))
    if log.points < 5:
        missing.append(word("few_points", points=log.points))
    return missing


# ---- scripts


def _script(place: Path, arguments: Sequence[str], steps: int | None, told: dict[str, Any], *, json: bool) -> int:
    if other := sorted(told.keys() - {"classes"}):
        option = "--" + other[0].replace("_", "-")
        raise UserError(
            f"{option} is about a log, and {place} is a script", expected="--classes and --steps", fix="leave it out"
        )
    from deepwell.doctor.scripts.run import STEPS, examine_script

    steps = STEPS if steps is None else steps
    say(word("runs", script=place, steps=steps))
    report = examine_script(place, arguments, steps=steps, classes=told.get("classes"))
    say(_how_it_ended(place, report))
    for name, values in report.remarks:
        say(word(f"script_{name}", **_listed(values)))
    if json:
        emit({"script": str(place), "state": report.state, "steps": report.steps,
              "seen": [{"remark": name, **values} for name, values in report.remarks],
              "findings": [finding.to_json() for finding in report.findings]})  # fmt: skip
    elif report.findings or report.steps:
        _show(report.findings, word("nothing_in_script", steps=report.steps))
    if report.state == "interrupted":
        return INTERRUPTED
    return _ended(report.findings) or (2 if _failed(report) else 0)


def _failed(report: ScriptReport) -> bool:
    """Whether the script gave nothing to look at, or broke."""
    return not report.steps or report.state in ("raised", "killed", "exited")


def _how_it_ended(place: Path, report: ScriptReport) -> str:
    if not report.steps and not (report.state == "killed" and report.remarks):
        hint = word(f"no_step_{report.state}") if report.state in ("ended", "exited", "raised") else ""
        return word("no_step", script=place, code=report.code) + hint
    return word(f"state_{report.state}", script=place, steps=report.steps, code=report.code)


def _listed(values: Any) -> dict[str, Any]:
    return {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in values.items()}


# ---- the catalogue


def explain_code(code: str | None, *, json: bool) -> int:
    """The page of one code, or all titles."""
    lang = language()
    if code is None:
        rows = [{"code": name, "title": one.title[lang]} for name, one in pages().items()]
        if json:
            emit(rows)
        else:
            for row in rows:
                print(f"{row['code']}  {row['title']}")
        return 0
    one = _page(code.strip().upper())
    if json:
        texts = {"title": one.title[lang], "why": one.why[lang], "fix": one.fix[lang]}
        emit({"code": one.code, **texts, "wrong": one.wrong, "right": one.right, "coverage": dict(one.coverage)})
    else:
        print(_laid_out(one))
    return 0


def _page(code: str) -> Page:
    known = pages()
    if code in known:
        return page(code)
    # M1 and MO1 are M01 to whoever types them
    digits = "".join(c for c in code[1:].replace("O", "0") if c.isdigit())
    likely = f"{code[:1]}{digits.zfill(2)}"
    close = likely if likely in known else nearest(code.lower(), [name.lower() for name in known])
    raise UserError(
        f"there is no code '{code}' in the catalogue",
        expected="a letter of D, M, O, E, R, X and two digits, such as M01",
        fix=f"did you mean {close.upper()}?" if close else "list them all: deepwell explain-code",
    )


def _laid_out(one: Page) -> str:
    lang = language()
    parts = [f"{one.code}  {one.title[lang]}", "", one.why[lang], ""]
    for name, text in (("wrong", one.wrong), ("right", one.right)):
        if text.strip():
            parts += [word(name), *(f"    {line}" for line in text.strip("\n").splitlines()), ""]
    parts += [word("fix", text=one.fix[lang])]
    seen = [(name, one.coverage.get(name)) for name in ("own", "foreign", "how")]
    parts += [word(f"coverage_{name}", text=_in(lang, text)) for name, text in seen if text]
    return "\n".join(parts)


def _in(lang: str, text: Any) -> Any:
    """Of a text in two languages the one that is spoken."""
    return text[lang] if isinstance(text, dict) else text
