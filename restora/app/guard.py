"""Access and limits, decided from the head of a request, before its body is read."""

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from restora.core.errors import RestoraError, Truncated
from restora.work.told import Full, as_full, printable

LOCAL = ("127.0.0.1", "localhost", "::1")
HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
"""Syntax of the header Host: a name or an address, and a port."""
ORIGIN = re.compile(rf"null|[A-Za-z][A-Za-z0-9+.-]*://(?P<host>{HOST.pattern})")
PAGE = re.compile(
    r"/|/(config|theme\.css|manifest\.json|favicon\.ico)/?|/(assets|static|svelte)/.+"
    r"|/gradio_api/(queue/(join|data)|upload|upload_progress|file=.+|heartbeat/\w+|cancel|reset|startup-events|app_id)/?"
)
"""Gradio's routes that the page needs; all others, which fetch, record or run code, cannot be reached."""
WORDS = 1_000_000
"""Size limit in bytes of a message of the page, without pictures."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Whatever a library tries: the browser loads nothing from other servers and embeds the page nowhere.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:;"
        " object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True)
class Bounds:
    """Limits of a client. If a token is set, every request needs it."""

    bytes: int = 100_000_000
    at_once: int = 4  # requests whose client waits for the result
    token: str = ""


USUAL = Bounds()


class TooLarge(RestoraError):
    """More bytes than allowed."""


class Busy(RestoraError):
    """All request slots are in use."""


STATUS = {TooLarge: 413, Full: 503, Busy: 503}
"""HTTP status of an error; other errors of ours give 422."""
ODD = re.compile("[\0\ud800-\udfff]")
"""Characters that occur in no text of the page and in no file name."""


@contextmanager
def one_of(slots: Semaphore) -> Iterator[None]:
    """Take a slot. Raises Busy if none is free."""
    if not slots.acquire(blocking=False):
        raise Busy("too many requests are being processed; try again later, or create a job")
    try:
        yield
    finally:
        slots.release()


def answer(status: int, text: str) -> JSONResponse:
    """A response of one sentence."""
    later = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse({"error": printable(text)}, status, later)


def excuse(error: Exception, public: Callable[[str], str]) -> JSONResponse | None:
    """The response to an error that the client caused; None for any other error."""
    if isinstance(error, ClientDisconnect):
        return answer(400, "the request was cut off")
    told = as_full(error) or error
    if isinstance(told, Truncated):
        told = Truncated(f"{told}; use the part that is present with ?salvage=true")
    return answer(STATUS.get(type(told), 422), public(str(told))) if isinstance(told, RestoraError) else None


def refusal(request: Request, token: str) -> JSONResponse | None:
    """The response to a request that is not allowed, or None.

    A token is sent as a bearer token, or by a browser as the password of any user name. A browser sends the password by
    itself, also if a page of another site triggers the request, so the origin must be our own page.
    """
    host, origin = _one(request, "host", HOST), _one(request, "origin", ORIGIN)
    if not host or (origin is None and "origin" in request.headers):
        return answer(
            400, "the headers must name one Host, as NAME or NAME:PORT, and at most one Origin, as SCHEME://NAME:PORT"
        )
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    kind = kind.lower()
    if token:
        word = _password(given) if kind == "basic" else given.strip().encode("latin-1") if kind == "bearer" else b""
        if not secrets.compare_digest(word, token.encode(errors="surrogateescape")):
            refused = answer(
                401, "a token is needed: Authorization: Bearer TOKEN, or TOKEN as the password in a browser"
            )
            refused.headers["WWW-Authenticate"] = 'Basic realm="Restora: any name, and the token as the password"'
            refused.headers.append("WWW-Authenticate", "Bearer")
            return refused
        if kind == "bearer":
            return None
    elif (name := host[1].lower().strip("[]")) not in LOCAL:  # a domain of another site that resolves to this machine
        return answer(403, f"the host must be one of {', '.join(LOCAL)}, not {name!r}")
    if origin and (origin["host"] or "").lower() != host[0].lower():
        return answer(403, "requests from pages of other sites are not answered")
    return None


def _one(request: Request, name: str, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """A header that occurs once and is well-formed."""
    values = request.headers.getlist(name)
    return pattern.fullmatch(values[0]) if len(values) == 1 else None


def declared(request: Request) -> int | None:
    """The declared length of a body; None if it is not declared."""
    length = request.headers.get("content-length", "")
    return int(length) if re.fullmatch("[0-9]{1,18}", length) else None


def too_much(request: Request, check: Callable[[int], None]) -> JSONResponse | None:
    """The response to a message or upload that is too large or of undeclared length.

    `check` raises Full if there is no space for so many bytes.
    """
    if request.method != "POST" or not request.url.path.startswith("/gradio_api/"):
        return None
    if (length := declared(request)) is None:
        return answer(411, "the request must declare its Content-Length")
    if not request.url.path.startswith("/gradio_api/upload"):
        return answer(413, f"a message must have at most {WORDS / 1e6:g} MB") if length > WORDS else None
    check(length)
    return None


def names_elsewhere(body: bytes, folder: Path) -> bool:
    """Whether a message of the page names a file outside the upload folder or an address, or is malformed.

    Gradio would fetch an address, and copies any file if the page is mounted in another application.
    """
    try:
        waiting = [json.loads(body)]
    except (ValueError, RecursionError):
        return True
    folder = folder.resolve()
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and not _lies_in(path, folder):
                return True
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and ODD.search(value):
            return True
    return False


def _lies_in(path: str, folder: Path) -> bool:
    try:
        return Path(path).resolve().is_relative_to(folder)
    except (ValueError, OSError, RuntimeError):  # not a possible path
        return False


def _password(given: str) -> bytes:
    """The password in the name:password of a browser."""
    try:
        return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return b""
