"""Who may ask, and how much: decided from a request's head, before anything of its body is read."""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import JSONResponse

from restora.core.errors import RestoraError

LOCAL = ("127.0.0.1", "localhost", "::1")
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
    return JSONResponse({"error": text}, status)


def refusal(request: Request, token: str) -> JSONResponse | None:
    """The answer to one who may not ask, or None.

    A token comes as a bearer's, or from a browser as the password of any name. What a browser sends by itself must
    come from our own pages, as those of other sites can make it send something too.
    """
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if token:
        word = _password(given) if kind == "Basic" else given if kind == "Bearer" else ""
        if not secrets.compare_digest(word.encode(), token.encode()):
            refused = answer(
                401, "a token is needed: Authorization: Bearer TOKEN, or TOKEN as the password in a browser"
            )
            refused.headers["WWW-Authenticate"] = 'Basic realm="Restora: any name, and the token as the password"'
            refused.headers.append("WWW-Authenticate", "Bearer")
            return refused
        if kind == "Bearer":
            return None
    elif (request.url.hostname or "") not in LOCAL:  # a name that some other site made point here
        return answer(403, f"this server answers to {', '.join(LOCAL)}, not to {request.url.hostname!r}")
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.url.netloc:
        return answer(403, "requests from pages of other sites are not answered")
    return None


def too_much(request: Request, room: Callable[[], int]) -> JSONResponse | None:
    """The answer to what the page sends if it declares more bytes than there is room for, or does not declare them."""
    if request.method != "POST" or not request.url.path.startswith("/gradio_api/"):
        return None
    declared = request.headers.get("content-length", "")
    if not declared.isdigit():
        return answer(411, "the length of what is sent must be declared")
    if not request.url.path.startswith("/gradio_api/upload"):
        return answer(413, f"a message has at most {WORDS / 1e6:g} MB") if int(declared) > WORDS else None
    return answer(503, "the disk space for pictures is used up; try again later") if int(declared) > room() else None


def names_elsewhere(body: bytes, folder: Path) -> bool:
    """Whether a message of the page names a file or an address outside the folder of what was sent.

    Gradio would fetch an address, and copies any file for a page that is mounted in another application.
    """
    try:
        waiting = [json.loads(body)]
    except (ValueError, RecursionError):
        return True
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and not Path(path).resolve().is_relative_to(folder.resolve()):
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _password(given: str) -> str:
    """The password in a browser's name:password."""
    try:
        return base64.b64decode(given, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
