"""The HTTP API: the same verbs, plans and sentences as the command line; safe to leave running.

No path and no address from a client is ever opened: what comes is a body, and goes to a folder named by the server.
"""

import json
import secrets
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from restora.core.errors import BadImage, BadPlan, RestoraError
from restora.core.plan import plan_from_json
from restora.files.picture import Picture, open_picture
from restora.learn.weights import listed
from restora.methods.table import METHODS
from restora.work.diagnose import diagnose
from restora.work.jobs import Full, Job, Jobs, State
from restora.work.plan import plan_for
from restora.work.restore import Limits

STARTS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpg",
    b"II*\0": "tif",
    b"MM\0*": "tif",
    b"II+\0": "tif",
    b"MM\0+": "tif",
    b"GIF8": "gif",
}
"""How the files begin that are let in; WebP and AVIF are told by what follows."""
MEDIA = {"png": "image/png", "jpg": "image/jpeg", "tif": "image/tiff", "gif": "image/gif"} | {
    ending: f"image/{ending}" for ending in ("webp", "avif")
}
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Bounds:
    """What a client may ask for. A token is demanded of everybody if one is set."""

    bytes: int = 100_000_000
    at_once: int = 4  # requests that are answered while their client waits
    token: str = ""


class TooLarge(RestoraError):
    """More bytes than allowed."""


class Busy(RestoraError):
    """As many requests as may are being answered."""


STATUS = {TooLarge: 413, Full: 503, Busy: 503}
"""HTTP status of an error; others of ours are 422."""
STATES: tuple[State, ...] = ("queued", "running", "done", "failed")


def make_app(jobs: Jobs, bounds: Bounds = Bounds()) -> FastAPI:
    """The application. Its jobs are worked on while it runs."""
    counters = CollectorRegistry()
    answered = Counter("restora_requests", "Requests answered", ["status"], registry=counters)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        jobs.start()
        yield
        await run_in_threadpool(jobs.close)

    # The usual pages of documentation fetch scripts from elsewhere, and so are off.
    app = FastAPI(
        title="Restora", version=version("restora"), description=__doc__, lifespan=life, docs_url=None, redoc_url=None
    )
    app.state.jobs, app.state.bounds = jobs, bounds
    app.state.slots = threading.Semaphore(bounds.at_once)
    app.state.counters = counters
    app.state.gauge = Gauge("restora_jobs", "Jobs by state", ["state"], registry=counters)
    app.include_router(router)

    @app.middleware("http")
    async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        """Demand the token, and refuse what a page of another site sends through a visitor's browser."""
        response = _refusal(request, bounds.token) or await go_on(request)
        answered.labels(str(response.status_code)).inc()
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.exception_handler(RestoraError)
    async def sentence(request: Request, error: RestoraError) -> JSONResponse:
        return _error(STATUS.get(type(error), 422), str(error))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return _error(error.status_code, str(error.detail))

    return app


router = APIRouter()
PlanText = Annotated[str, Header(description="A plan as JSON; what is found decides, if there is none.")]


def _jobs(request: Request) -> Jobs:
    return request.app.state.jobs


@router.get("/healthz")
def alive() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz")
def ready(request: Request) -> Response:
    """Jobs are being worked on."""
    works = any(worker.is_alive() for worker in _jobs(request).workers)
    return JSONResponse({"status": "ok" if works else "not yet"}, 200 if works else 503)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """For Prometheus."""
    for state in STATES:
        request.app.state.gauge.labels(state).set(_jobs(request).count(state))
    return Response(generate_latest(request.app.state.counters), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/methods")
def methods() -> list[dict[str, Any]]:
    """What there is, with the JSON schema of each method's knobs."""
    return [
        {
            "name": method.name,
            "kind": method.kind,
            "about": method.about,
            "treats": method.treats,
            "paper": method.paper,
            "weights": method.weights,
            "knobs": {knob.name: knob.schema() for knob in method.knobs},
        }
        for method in METHODS.values()
    ]


@router.post("/v1/diagnose")
async def look(request: Request) -> dict[str, Any]:
    """What is wrong with the picture in the body, and the plan that `restore` would follow."""
    jobs = _jobs(request)
    async with _received(request) as path:
        return await run_in_threadpool(_with_slot, request, lambda: _diagnosed(path, jobs.limits))


@router.post("/v1/restore", response_class=FileResponse)
async def restore(request: Request, restora_plan: PlanText = "") -> Response:
    """The picture in the body, restored; its report is in the header Restora-Report."""
    jobs = _jobs(request)
    async with _received(request) as path:
        return await run_in_threadpool(_with_slot, request, lambda: _restored(path, restora_plan, jobs))


@router.post("/v1/jobs", status_code=202)
async def add(request: Request, restora_plan: PlanText = "") -> dict[str, Any]:
    """Take the picture in the body as a job, to be asked for later."""
    jobs = _jobs(request)
    async with _received(request) as path:
        ending = await run_in_threadpool(lambda: _admitted(path, jobs.limits).format)
        return _told(await run_in_threadpool(jobs.add, path, ending, _allowed(restora_plan)))


@router.get("/v1/jobs/{key}")
def state(request: Request, key: str) -> Response:
    """Where a job stands."""
    job = _jobs(request).find(key)
    return JSONResponse(_told(job)) if job else _no_job()


@router.get("/v1/jobs/{key}/result", response_class=FileResponse)
def result(request: Request, key: str) -> Response:
    """The restored picture of a job that is done."""
    jobs = _jobs(request)
    job = jobs.find(key)
    if job is None:
        return _no_job()
    if job.state != "done":
        return _error(409, f"the job is {job.state}" + (f": {job.error}" if job.error else ""))
    return _picture(jobs, job)


@router.delete("/v1/jobs/{key}", status_code=204)
def cancel(request: Request, key: str) -> Response:
    """Take a job back, or throw its result away."""
    return Response(status_code=204) if _jobs(request).cancel(key) else _no_job()


def _refusal(request: Request, token: str) -> Response | None:
    """The answer to one who may not ask, or None."""
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token:
        if not secrets.compare_digest(given.encode(), token.encode()):
            refusal = _error(401, "a token is needed: Authorization: Bearer TOKEN")
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        return None
    host = request.url.hostname or ""
    if host not in LOCAL:  # a name that some other site made point here
        return _error(403, f"this server answers to {', '.join(LOCAL)}, not to {host!r}")
    origin = request.headers.get("origin")
    if origin and origin != f"{request.url.scheme}://{request.url.netloc}":
        return _error(403, "requests from pages of other sites are not answered")
    return None


@asynccontextmanager
async def _received(request: Request) -> AsyncIterator[Path]:
    """The picture of a request in a file, which is removed at the end: the body, or the one file of a form.

    Raises TooLarge as soon as it is, whatever was declared.
    """
    most, size = request.app.state.bounds.bytes, 0
    too_large = TooLarge(f"the body has more than the {most / 1e6:g} MB allowed")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_large

    async def counted() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > most:
            raise too_large
        return message

    bounded = Request(request.scope, counted)
    with tempfile.TemporaryDirectory(prefix="received-", dir=_jobs(request).folder) as name:
        path = Path(name) / "body"
        with path.open("wb") as file:
            if request.headers.get("content-type", "").startswith("multipart/form-data"):
                async with bounded.form(max_files=1, max_fields=0) as form:
                    uploads = [part for part in form.values() if isinstance(part, UploadFile)]
                    if not uploads:
                        raise BadImage("the form holds no file")
                    await run_in_threadpool(shutil.copyfileobj, uploads[0].file, file)
            else:
                async for part in bounded.stream():
                    file.write(part)
        yield path


def _admitted(path: Path, limits: Limits) -> Picture:
    """The open picture of a file. Raises BadImage for what is no picture by its first bytes, before any decoding."""
    with path.open("rb") as file:
        start = file.read(16)
    known = any(start.startswith(one) for one in STARTS)
    if not (known or start[8:12] == b"WEBP" or start[4:12] in (b"ftypavif", b"ftypmif1")):
        raise BadImage("the body is no picture: PNG, JPEG, TIFF, WebP, AVIF and GIF are taken")
    try:
        return open_picture(path, limits.pixels)
    except BadImage as error:  # the file's name is ours, and says nothing to the client
        raise BadImage(str(error).replace(str(path), "the picture")) from error


def _allowed(text: str) -> str:
    """The text of a plan that names no file of this machine. Raises BadPlan."""
    if text:
        for step in plan_from_json(text).steps:
            if step.sigma_map or (step.weights and step.weights not in listed()):
                raise BadPlan("a plan that comes here names weights as `restora weights list` does, and no files")
    return text


def _diagnosed(path: Path, limits: Limits) -> dict[str, Any]:
    picture = _admitted(path, limits)
    diagnosis = diagnose(picture)
    plan = plan_for(diagnosis)
    return {"shape": picture.shape, **diagnosis.as_dict(), "plan": {"id": plan.id, **plan.as_dict()}}


def _restored(path: Path, plan: str, jobs: Jobs) -> Response:
    """A job done at once, and removed."""
    ending = _admitted(path, jobs.limits).format
    job = jobs.add(path, ending, _allowed(plan))
    now = jobs.ended(job.id)
    if now is None:
        raise RestoraError("the job was taken back")
    if now.state == "done":
        return _picture(jobs, now, BackgroundTask(jobs.cancel, job.id))
    jobs.cancel(job.id)
    raise RestoraError(now.error.replace(str(jobs.input(now)), "the picture") or f"the job was {now.state}")


def _picture(jobs: Jobs, job: Job, afterwards: BackgroundTask | None = None) -> Response:
    """The result of a job, read while it is sent."""
    report = json.dumps(json.loads(jobs.report(job.id).read_text()))  # on one line, in ASCII
    return FileResponse(
        jobs.output(job),
        media_type=MEDIA[job.ending],
        filename=f"restored.{job.ending}",
        headers={"Restora-Report": report},
        background=afterwards,
    )


def _with_slot(request: Request, do: Callable[[], Any]) -> Any:
    """Do it if not too many others are at it. Raises Busy."""
    slots = request.app.state.slots
    if not slots.acquire(blocking=False):
        raise Busy("too many requests are being answered; try again later, or add a job")
    try:
        return do()
    finally:
        slots.release()


def _told(job: Job) -> dict[str, Any]:
    facts = {"id": job.id, "state": job.state, "done": job.done, "total": job.total}
    return facts | ({"error": job.error} if job.error else {})


def _error(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)


def _no_job() -> JSONResponse:
    return _error(404, "there is no such job; results are kept for a while only")
