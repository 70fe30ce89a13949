"""Who may ask, and how much: decided from a request's head, before anything of its body is read."""

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
"""What may stand in the header Host: a name or an address, and a port."""
ORIGIN = re.compile(rf"null|[A-Za-z][A-Za-z0-9+.-]*://(?P<host>{HOST.pattern})")
PAGE = re.compile(
    r"/|/(config|theme\.css|manifest\.json|favicon\.ico)/?|/(assets|static|svelte)/.+"
    r"|/gradio_api/(queue/(join|data)|upload|upload_progress|file=.+|heartbeat/\w+|cancel|reset|startup-events|app_id)/?"
)
"""What the page needs of Gradio's addresses; the others, which fetch, record or run code, are not there."""
WORDS = 1_000_000
"""Bytes that a message of the page may have, pictures apart."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Whatever a library may try: a browser fetches nothing from elsewhere, and shows the page in no other one.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:;"
        " object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True)
class Bounds:
    """What a client may ask for. A token is demanded of everybody if one is set."""

    bytes: int = 100_000_000
    at_once: int = 4  # requests that are answered while their client waits
    token: str = ""


USUAL = Bounds()


class TooLarge(RestoraError):
    """More bytes than allowed."""


class Busy(RestoraError):
    """As many requests as may are being answered."""


STATUS = {TooLarge: 413, Full: 503, Busy: 503}
"""HTTP status of an error; others of ours are 422."""
ODD = re.compile("[\0\ud800-\udfff]")
"""Characters that no text of the page has, and that no file's name can have."""


@contextmanager
def one_of(slots: Semaphore) -> Iterator[None]:
    """Take a slot for a while. Raises Busy if there is none."""
    if not slots.acquire(blocking=False):
        raise Busy("too many requests are being answered; try again later, or add a job")
    try:
        yield
    finally:
        slots.release()


def answer(status: int, text: str) -> JSONResponse:
    """An answer that is one sentence."""
    later = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse({"error": printable(text)}, status, later)


def excuse(error: Exception, public: Callable[[str], str]) -> JSONResponse | None:
    """The answer to an error that is no fault of the program; None if it is one."""
    if isinstance(error, ClientDisconnect):
        return answer(400, "the request ended before its end")
    told = as_full(error) or error
    if isinstance(told, Truncated):
        told = Truncated(f"{told}; take the part that is there with ?salvage=true")
    return answer(STATUS.get(type(told), 422), public(str(told))) if isinstance(told, RestoraError) else None


def refusal(request: Request, token: str) -> JSONResponse | None:
    """The answer to one who may not ask, or None.

    A token comes as a bearer's, or from a browser as the password of any name. What a browser sends by itself must
    come from our own pages, as those of other sites can make it send something too.
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
    elif (name := host[1].lower().strip("[]")) not in LOCAL:  # a name that some other site made point here
        return answer(403, f"this server answers to {', '.join(LOCAL)}, not to {name!r}")
    if origin and (origin["host"] or "").lower() != host[0].lower():
        return answer(403, "requests from pages of other sites are not answered")
    return None


def _one(request: Request, name: str, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """A header that is there once, and is as it must be."""
    values = request.headers.getlist(name)
    return pattern.fullmatch(values[0]) if len(values) == 1 else None


def declared(request: Request) -> int | None:
    """The bytes that a body is said to have; None if that is not said."""
    length = request.headers.get("content-length", "")
    return int(length) if re.fullmatch("[0-9]{1,18}", length) else None


def too_much(request: Request, check: Callable[[int], None]) -> JSONResponse | None:
    """The answer to what the page sends if it declares more bytes than allowed, or does not declare them.

    `check` raises Full if there is no room for so many.
    """
    if request.method != "POST" or not request.url.path.startswith("/gradio_api/"):
        return None
    if (length := declared(request)) is None:
        return answer(411, "the length of what is sent must be declared")
    if not request.url.path.startswith("/gradio_api/upload"):
        return answer(413, f"a message has at most {WORDS / 1e6:g} MB") if length > WORDS else None
    check(length)
    return None


def names_elsewhere(body: bytes, folder: Path) -> bool:
    """Whether a message of the page names a file or an address outside the folder of what was sent, or is no message.

    Gradio would fetch an address, and copies any file for a page that is mounted in another application.
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
    except (ValueError, OSError, RuntimeError):  # no path can have that name
        return False


def _password(given: str) -> bytes:
    """The password in a browser's name:password."""
    try:
        return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return b""
