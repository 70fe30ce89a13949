"""The addresses from which the page fetches parts of pictures, and visitors download results.

A visitor names a view by its key, which nobody can guess, and never a file.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from restora.app.guard import answer, one_of
from restora.app.page_jobs import Outcome
from restora.app.views import View, Views
from restora.app.zip_stream import zip_stream
from restora.core.errors import BadImage

router = APIRouter(prefix="/page", include_in_schema=False)
Share = Annotated[float, Query(ge=0, le=1)]
MOST_KEYS = 1000
"""Limit on the pictures of one ZIP file."""


def _views(request: Request) -> Views:
    return request.app.state.views


def _gone() -> Response:
    return answer(404, "there is no such picture; pictures are deleted after some time")


@router.get("/zip")
async def together(request: Request, keys: str, strength: Share = 1, texture: Share = 0) -> Response:
    """The results of several views as one ZIP file, made while it is sent."""
    views = _views(request)
    asked = [views.find(key) for key in keys.split(",")[:MOST_KEYS]]
    found = [view for view in asked if view and view.outcome]
    if not found or len(found) < len(asked):
        return _gone()
    outcomes = await run_in_threadpool(_outcomes, request, found, strength, texture)
    head = {"Content-Disposition": 'attachment; filename="restored.zip"'}
    return StreamingResponse(zip_stream(outcomes), media_type="application/zip", headers=head)


@router.get("/{key}/{file}")
async def download(
    request: Request, key: str, file: Literal["download", "report"], strength: Share = 1, texture: Share = 0
) -> Response:
    """The result of a view, or its report."""
    view = _views(request).find(key)
    if view is None or view.outcome is None:
        return _gone()
    (outcome,) = await run_in_threadpool(_outcomes, request, [view], strength, texture)
    path = outcome.picture if file == "download" else outcome.report
    return FileResponse(path, filename=path.name) if path.exists() else _gone()


@router.get("/{key}/{layer}/{level}-{row}-{column}")
def tile(
    request: Request, key: str, layer: Literal["before", "after", "texture", "marks"], level: int, row: int, column: int
) -> Response:
    """A tile of a view."""
    view = _views(request).find(key)
    if view is None or not (0 <= level < 32 and 0 <= row < 1 << 20 and 0 <= column < 1 << 20):
        return _gone()
    try:
        data = view.tile(layer, level, row, column)
    except BadImage:
        return _gone()
    media = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return Response(data, media_type=media, headers={"Cache-Control": "private, max-age=3600, immutable"})


def _outcomes(request: Request, views: Sequence[View], strength: float, texture: float) -> list[Outcome]:
    one = partial(_views(request).outcome, strength=round(strength, 2), texture=round(texture, 2))
    if all(view.files is None for view in views) or (strength, texture) == (1, 0):
        return [one(view) for view in views]
    with one_of(request.app.state.slots):
        return [one(view) for view in views]
