"""The HTTP API: the same verbs, plans and sentences as the command line; safe to leave running.

No path and no address from a client is ever opened: a request is a body, and is stored in a folder named by the server.
"""

import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from restora.app import clip_requests
from restora.app.clip_requests import ClipQuery, add_clip, clip_found
from restora.app.gradio_mount import mount_page
from restora.app.guard import HEADERS, USUAL, Bounds, answer, excuse, names_elsewhere, one_of, refusal, too_much
from restora.app.page_clip_routes import router as page_clip_router
from restora.app.page_routes import router as page_router
from restora.app.review import admit_input, admitted, look, plan_as_found
from restora.app.upload import Space, received
from restora.core.errors import BadImage, BadPlan, RestoraError
from restora.core.inputs import Input
from restora.core.plan import plan_from_json
from restora.files.container import container_of
from restora.files.save import written_as
from restora.learn.weights import listed
from restora.methods.table import INPUTS, METHODS
from restora.work.job_files import Job, State
from restora.work.jobs import PICTURE, Jobs
from restora.work.plan import GREATEST
from restora.work.restore import Limits

MEDIA = {
    **{"png": "image/png", "jpg": "image/jpeg", "tif": "image/tiff", "gif": "image/gif"},
    **{ending: f"image/{ending}" for ending in ("webp", "avif")},
    **clip_requests.MEDIA,
}
STATES: tuple[State, ...] = ("queued", "running", "done", "failed")


def make_app(jobs: Jobs, bounds: Bounds = USUAL) -> FastAPI:
    """The application. It runs its jobs while it is up."""
    counters = CollectorRegistry()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        jobs.start()
        yield
        await run_in_threadpool(jobs.close)

    # The default page of documentation loads its script from another server; this one includes it.
    app: FastAPI = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        title="Restora",
        version=version("restora"),
        description=__doc__,
        lifespan=life,
        static_url="/docs-assets",
        favicon_url="/favicon.ico",
    )
    app.state.jobs, app.state.bounds = jobs, bounds
    app.state.slots, app.state.space = threading.Semaphore(bounds.at_once), Space(jobs)
    app.state.counters = counters
    app.state.gauge = Gauge("restora_jobs", "Jobs by state", ["state"], registry=counters)
    app.include_router(router)
    app.include_router(page_router)
    app.include_router(page_clip_router)
    mount_page(app, jobs, bounds, app.state.slots, app.state.space)

    _guard(app, jobs, bounds)

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors()))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, str(error.detail))

    return app


def _guard(app: FastAPI, jobs: Jobs, bounds: Bounds) -> None:
    """Check every request before it is answered, and count the answers."""
    answered = Counter("restora_requests", "Requests answered", ["status"], registry=app.state.counters)

    async def refused_first(request: Request) -> Response | None:
        refused = refusal(request, bounds.token) or too_much(request, app.state.space.check)
        if not refused and request.method == "POST" and request.url.path.startswith("/gradio_api/queue/join"):
            elsewhere = names_elsewhere(await request.body(), jobs.page)
            refused = answer(422, "a value must be an uploaded file or plain text") if elsewhere else None
        return refused

    @app.middleware("http")
    async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        """Require the token, and reject requests that a page of another site sends through a visitor's browser."""
        try:
            response = await refused_first(request) or await go_on(request)
        except Exception as error:
            excused = excuse(error, jobs.public)
            if excused is None:
                raise
            response = excused
        answered.labels(str(response.status_code)).inc()
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response


router = APIRouter()
PlanText = Annotated[str, Header(description="A plan as JSON; default: the plan of the diagnosis.")]
Scale = Annotated[float, Query(ge=1, le=GREATEST, description="How many times larger the result is.")]
Salvage = Annotated[bool, Query(description="Restore the part of a truncated JPEG, PNG or clip that exists.")]


@dataclass(frozen=True)
class Wish:
    """The parameters of a request besides its files."""

    restora_plan: PlanText = ""
    scale: Scale = 1.0
    salvage: Salvage = False


Wished = Annotated[Wish, Depends()]
ClipWished = Annotated[ClipQuery, Depends()]
PIXELS = {"schema": {"type": "string", "format": "binary"}}


def _body(inputs: Mapping[str, Input]) -> dict[str, Any]:
    """The API description of a request: a picture or a clip, or a form with one and inputs of methods."""
    fields = {"picture": PIXELS["schema"]}
    fields |= {name: {**PIXELS["schema"], "description": each.help} for name, each in inputs.items()}
    form = {"type": "object", "properties": fields, "required": ["picture"], "additionalProperties": False}
    content = {"application/octet-stream": PIXELS, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


BOXES = {"type": "array", "items": {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}}
MADE: dict[str, Any] = {
    "description": "The product",
    "content": {"image/png": PIXELS, "application/json": {"schema": BOXES}},
}
RESULT: dict[str, Any] = {"description": "The picture or the clip", "content": dict.fromkeys(MEDIA.values(), PIXELS)}
SENTENCE = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {"application/json": {"schema": SENTENCE}}}
    for status, words in {
        400: "The request cannot be read",
        401: "A token is needed",
        403: "The host name is not allowed, or the request comes from a page of another site",
        404: "The job or the product does not exist",
        409: "The job is not done",
        413: "The body is too large",
        422: "The picture, the clip or the plan cannot be used",
        503: "The server is busy or its queue is full; try again later",
    }.items()
}
"""The API description of responses; each is one sentence."""


def _jobs(request: Request) -> Jobs:
    return request.app.state.jobs


@router.get("/healthz")
def alive() -> dict[str, str]:
    """Liveness: the process runs."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not ready yet"}})
def ready(request: Request) -> Response:
    """Readiness: the server runs jobs."""
    works = any(worker.is_alive() for worker in _jobs(request).workers)
    return JSONResponse({"status": "ok" if works else "not yet"}, 200 if works else 503)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Metrics for Prometheus."""
    for state in STATES:
        request.app.state.gauge.labels(state).set(_jobs(request).count(state))
    return Response(generate_latest(request.app.state.counters), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/methods")
def methods() -> list[dict[str, Any]]:
    """All methods, with the JSON schema of their knobs."""
    return [method.as_dict() for method in METHODS.values()]


@router.post("/v1/diagnose", openapi_extra=_body({}), responses=REFUSALS)
async def diagnose(request: Request, scale: Scale = 1.0, salvage: Salvage = False) -> dict[str, Any]:
    """Diagnose the picture or clip in the body, and return the plan that a job would run, or one that enlarges it."""
    jobs = _jobs(request)
    async with received(request) as (path, _):
        return await run_in_threadpool(_with_slot, request, lambda: _diagnosed(path, jobs.limits, scale, salvage))


@router.post(
    "/v1/restore", response_class=FileResponse, openapi_extra=_body(INPUTS), responses={200: RESULT, **REFUSALS}
)
async def restore(request: Request, wish: Wished) -> Response:
    """Restore or enlarge the picture in the body; the report is in the response header Restora-Report.

    White pixels of the file `mask`, of the same size, are filled, and rectangles of the JSON file `box`, a list of
    [top, left, height, width]. Other files are inputs of the methods in the plan.
    """
    jobs = _jobs(request)
    async with received(request) as (path, inputs):
        return await run_in_threadpool(_with_slot, request, lambda: _restored(path, inputs, wish, jobs))


@router.post("/v1/jobs", status_code=202, openapi_extra=_body(INPUTS), responses=REFUSALS)
async def add(request: Request, wish: Wished, clip: ClipWished) -> dict[str, Any]:
    """Add a job for the picture or the clip in the body; poll it for the result.

    For a clip, `done` and `total` of the job are frames. `factor` or `fps` make frames between those of a clip.
    """
    jobs = _jobs(request)
    async with received(request) as (path, inputs):
        add_job = partial(_added, path, inputs, wish, jobs, clip)
        if wish.scale != 1 or container_of(path):  # it is diagnosed and planned at once, or its times are read
            return _told(await run_in_threadpool(_with_slot, request, add_job), jobs)
        return _told(await run_in_threadpool(add_job), jobs)


@router.get("/v1/jobs/{key}", responses=REFUSALS)
def state(request: Request, key: str) -> Response:
    """The state of a job; if it is done, also its products, each with the address of its file."""
    jobs = _jobs(request)
    job = jobs.find(key)
    return JSONResponse(_told(job, jobs)) if job else _no_job()


@router.get("/v1/jobs/{key}/result", response_class=FileResponse, responses={200: RESULT, **REFUSALS})
def result(request: Request, key: str) -> Response:
    """The restored picture or clip of a finished job; its report is in the response header Restora-Report."""
    jobs = _jobs(request)
    job = jobs.find(key)
    return _not_done(job) or _picture(jobs, job) if job else _no_job()


@router.get("/v1/jobs/{key}/products/{name}", response_class=FileResponse, responses={200: MADE, **REFUSALS})
def product(request: Request, key: str, name: str) -> Response:
    """A product of a finished job: what a method returned besides the picture, such as the kernel that it found.

    A kernel is a grey picture whose maximum is white; planes and pictures are PNG, boxes are JSON.
    """
    jobs = _jobs(request)
    job = jobs.find(key)
    if job is None:
        return _no_job()
    return _not_done(job) or _product(jobs, job, name)


@router.delete("/v1/jobs/{key}", status_code=204, responses=REFUSALS)
def cancel(request: Request, key: str) -> Response:
    """Cancel a job, or delete its result."""
    return Response(status_code=204) if _jobs(request).cancel(key) else _no_job()


def _allowed(text: str) -> str:
    """The text of a plan that names no file of this machine. Raises BadPlan."""
    if text:
        for step in plan_from_json(text).steps:
            names_file = any("file" in given for given in step.inputs.values())
            if names_file or (step.weights and step.weights not in listed()):
                raise BadPlan("a plan sent to the server must name weights as `restora weights list` does, not files")
    return text


def _diagnosed(path: Path, limits: Limits, scale: float, salvage: bool) -> dict[str, Any]:
    if container_of(path):
        return clip_found(path, limits, scale, salvage)
    sight = look(path, limits, PICTURE, salvage)
    plan = plan_as_found(sight, scale)
    return {"shape": sight.shape, **sight.diagnosis.as_dict(), "plan": {"id": plan.id, **plan.as_dict()}}


def _ending(path: Path, inputs: Mapping[str, Path], limits: Limits, salvage: bool) -> str:
    """The extension of the result, after a check of the picture and its inputs. Raises BadImage."""
    for name, file in inputs.items():
        admit_input(name, file, limits)
    return written_as(admitted(path, limits, PICTURE, salvage).format)


def _added(path: Path, inputs: Mapping[str, Path], wish: Wish, jobs: Jobs, clip: ClipQuery | None = None) -> Job:
    """Add the job of a request; one that enlarges is planned at once. Raises BadImage or BadPlan.

    clip: the parameters for clips; without them, a clip is refused.
    """
    plan = _allowed(wish.restora_plan)
    if plan and wish.scale != 1:
        raise BadPlan("send a plan or a scale, not both; a plan already sets the size of the result")
    if container_of(path):
        if clip is None:
            raise BadImage("a clip takes longer than a client waits; create a job for it")
        return add_clip(path, inputs, plan, wish.scale, wish.salvage, clip.wish, jobs)
    if clip:
        clip.for_pictures()
    ending = _ending(path, inputs, jobs.limits, wish.salvage)
    if wish.scale != 1:
        plan = plan_as_found(look(path, jobs.limits, PICTURE, wish.salvage), wish.scale).to_json()
    return jobs.add(path, ending, plan, inputs, wish.salvage)


def _restored(path: Path, inputs: Mapping[str, Path], wish: Wish, jobs: Jobs) -> Response:
    """Run a job to its end, and remove it."""
    job = _added(path, inputs, wish, jobs)
    now = jobs.ended(job.id)
    if now is None:
        raise RestoraError("the job was cancelled")
    if now.state == "done":
        return _picture(jobs, now, BackgroundTask(jobs.cancel, job.id))
    jobs.cancel(job.id)
    raise RestoraError(now.error or f"the job was {now.state}")


def _picture(jobs: Jobs, job: Job, afterwards: BackgroundTask | None = None) -> Response:
    """The result of a job, streamed from its file."""
    try:
        report = json.dumps(json.loads(jobs.report(job.id).read_text()))  # on one line, in ASCII
    except FileNotFoundError:  # it is being deleted
        return _no_job()
    return FileResponse(
        jobs.output(job),
        media_type=MEDIA[job.ending],
        filename=f"restored.{job.ending}",
        headers={"Restora-Report": report},
        background=afterwards,
    )


def _product(jobs: Jobs, job: Job, name: str) -> Response:
    """The file of a product; the name is looked up in the report, never used as a path."""
    made = jobs.products(job)
    if name not in made:
        return answer(404, f"the job has no product {name!r}; it has {', '.join(made) or 'none'}")
    file = made[name]["file"]
    media = "application/json" if file.endswith(".json") else "image/png"
    return FileResponse(jobs.product(job, file), media_type=media, filename=file)


def _with_slot(request: Request, do: Callable[[], Any]) -> Any:
    with one_of(request.app.state.slots):
        return do()


def _told(job: Job, jobs: Jobs) -> dict[str, Any]:
    facts: dict[str, Any] = {"id": job.id, "state": job.state, "done": job.done, "total": job.total}
    facts |= {"unit": "frames"} if jobs.clip(job).exists() else {}
    if job.error:
        facts["error"] = job.error
    if job.state == "done" and (made := jobs.products(job)):
        facts["products"] = {
            name: {**each, "link": f"/v1/jobs/{job.id}/products/{name}"} for name, each in made.items()
        }
    return facts


def _not_done(job: Job) -> JSONResponse | None:
    if job.state == "done":
        return None
    return answer(409, f"the job is {job.state}" + (f": {job.error}" if job.error else ""))


def _no_job() -> JSONResponse:
    return answer(404, "there is no such job; results are deleted after some time")
