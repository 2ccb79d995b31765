"""Runs a training script under the watch, up to its first steps: ``python -m deepwell.doctor.scripts.child``.

A process of its own, so that the script can do what it likes: its arguments, its exit, its crash are its own. Once
enough steps are seen the process ends at once (``os._exit``): nothing of the script that waits behind the training,
such as saving a model, is run with a model of 30 steps.
"""

from __future__ import annotations

import runpy
import sys
import traceback
from pathlib import Path

from deepwell.doctor.scripts.watching import ScriptWatch


def _print_theirs(error: traceback.TracebackException) -> None:
    """A traceback without the frames of whoever runs the script."""
    ours = (str(Path(__file__).parent), runpy.__file__, "<frozen runpy>")
    link: traceback.TracebackException | None = error
    while link is not None:
        link.stack = traceback.StackSummary.from_list([f for f in link.stack if not f.filename.startswith(ours)])
        link = link.__cause__ or link.__context__
    print("".join(error.format()), file=sys.stderr, end="")


def main(report: str, steps: str, classes: str, script: str, *arguments: str) -> int:
    """Run a script as ``python SCRIPT ARGUMENTS`` would; its exit code."""
    watching = ScriptWatch(Path(report), steps=int(steps), classes=int(classes) if classes else None)
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).resolve().parent)
    try:
        with watching.watching():
            runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        watching.write("ended" if end.code in (None, 0) else "exited")
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        watching.write("interrupted")
        return 130
    # whatever a script raises is its own
    except BaseException as error:
        watching.write("raised")
        _print_theirs(traceback.TracebackException.from_exception(error))
        return 1
    watching.write("ended")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
