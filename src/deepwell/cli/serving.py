"""``deepwell serve``: a model behind HTTP."""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
from pathlib import Path
from typing import Any

from deepwell.cli.commands import load_run, say
from deepwell.core.errors import UserError

TOKEN = "DEEPWELL_TOKEN"
_SHORTEST = 16
_LONGEST = 4096


def serve(
    path: Path,
    *,
    host: str,
    port: int,
    token_file: Path | None,
    access_log: bool = False,
    grace: float = 30.0,
    drain: float = 0.0,
    **limits: Any,
) -> int:
    """Serve until told to stop.

    Args:
        path: a run's folder, or a saved model.
        host: to listen on.
        port: to listen on; 0 takes a free one.
        token_file: with the token that requests must bear; else it may be in the environment.
        access_log: a line for every request.
        grace: seconds for requests that are under way when it is told to stop.
        drain: seconds to go on before that, while ``/ready`` says 503.
        limits: of ``serve.limits.Limits``; None for the default.

    Raises:
        UserError: no model, an unusable address, token or limit.
    """
    if not 0 <= port <= 65_535:
        raise UserError(f"--port is {port}", expected="a number from 0 to 65535")
    for name, value in (("grace", grace), ("drain", drain)):
        if not 0 <= value <= 86_400:
            raise UserError(f"--{name} is {value}", expected="seconds, 0 or more")
    token = _token(token_file)
    model = load_run(path)
    from deepwell.explain import explain
    from deepwell.serve.app import make_app
    from deepwell.serve.limits import Limits
    from deepwell.serve.server import listen, run

    allowed = Limits.of(model.input.kind, **limits)
    listener = listen(host, port)
    _log_to_standard_error()
    bound = listener.getsockname()
    names = {"localhost", "127.0.0.1", "::1", host, bound[0]} if _is_own(bound[0]) and token is None else None
    app = make_app(model, allowed, token=token, explain=explain, access_log=access_log, hosts=names)
    shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    if not _is_own(bound[0]) and token is None:
        say(
            f"WARNING: {shown}:{bound[1]} is open to every machine that reaches it, and no token is asked for. "
            f"Give one (--token-file, or {TOKEN} in the environment), or leave --host out."
        )
    address = f"http://{shown}:{bound[1]}"
    words = f"{address}: a page to try the model on; {address}/docs: the interface; Ctrl+C stops"
    run(app, listener, limits=allowed, grace=grace, drain=drain, listening=lambda: say(words))
    say("stopped")
    return 0


def _token(file: Path | None) -> str | None:
    """The token of a file or of the environment; None where there is neither.

    Raises:
        UserError: a file that can't be read, a token that is empty, short or no word of ASCII.
    """
    if file is None:
        found, where = os.environ.get(TOKEN), TOKEN
        if found is None:
            return None
    else:
        where = str(file)
        try:
            with open(file, "rb") as opened:
                content = opened.read(_LONGEST + 1)
            mode = file.stat().st_mode
        except OSError as error:
            raise UserError(f"{file} can't be read ({error.strerror})", expected="a file with a token") from None
        if os.name == "posix" and mode & 0o004:
            say(f"note: every user of this machine can read {file}: chmod 600 {file}")
        found = content.decode("latin-1")
    found = found.strip()
    if not _SHORTEST <= len(found) <= _LONGEST or not found.isascii() or any(map(str.isspace, found)):
        raise UserError(
            f"the token of {where} has {len(found)} characters, or blanks or others that a header can't hold",
            expected=f"one word of at least {_SHORTEST} letters and digits",
            fix="make one with: openssl rand -hex 32",
        )
    return found


def _is_own(host: str) -> bool:
    return ipaddress.ip_address(host.split("%")[0]).is_loopback


def _log_to_standard_error() -> None:
    """Faults, the choice of the warm-up and, if asked for, requests: with the time, on standard error."""
    log = logging.getLogger("deepwell.serve")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
