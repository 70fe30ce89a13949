"""The addresses from which the page plays clips, and visitors download them.

A visitor names files by a key, which nobody can guess, and never by a path.
"""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from restora.app.clip_requests import MEDIA
from restora.app.guard import answer

router = APIRouter(prefix="/page/clips", include_in_schema=False)


@router.get("/{key}/{file}")
def clip(request: Request, key: str, file: Literal["clip", "report", "before", "after"]) -> Response:
    """A clip to watch or to download, or its report."""
    known = request.app.state.views.clips.get(key)
    path = getattr(known, file) if known else None
    if path is None or not path.exists():
        return answer(404, "there is no such clip; clips are deleted after some time")
    return FileResponse(path, media_type=MEDIA.get(path.suffix[1:]), filename=path.name)
