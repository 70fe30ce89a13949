"""Mount the page at the root of the application, with as few Gradio routes as possible."""

import logging
import os
from pathlib import Path
from threading import Semaphore
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from restora.app.guard import PAGE, Bounds, answer, excuse
from restora.app.page import Page
from restora.app.upload import Space
from restora.app.views import Views
from restora.work.jobs import Jobs

HERE = Path(__file__).parent
EVENTS = "/gradio_api/queue/data"
"""The route on which the page receives its events."""
LOG = logging.getLogger("restora.page")


class Needed(Mount):
    """Gradio's application, limited to the routes that the page needs."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As for any mounted application, if the address is one of PAGE."""
        return super().matches(scope) if PAGE.fullmatch(scope["path"]) else (Match.NONE, {})


class Shielded:
    """Gradio's application; a message that makes it fail is refused, and uploads in progress are counted.

    It responds with 500 to messages that its own page never sends, such as the number of an unknown function.
    """

    def __init__(self, app: ASGIApp, jobs: Jobs, space: Space, queue: Any) -> None:
        self.app, self.jobs, self.space, self.queue = app, jobs, space, queue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond as Gradio does, but with 422 instead of 500; a stream of its events may end early."""
        start: Message = {}
        gone = ended = False

        async def passed_on(message: Message) -> None:
            nonlocal start, ended
            start = message if message["type"] == "http.response.start" else start
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            if start.get("status") != 500:  # before the start there may be messages for tests
                await send(message)

        async def heard() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            return message

        counted = self.space.counted(heard) if scope["path"].startswith("/gradio_api/upload") else heard
        fault: Exception | None = None
        try:
            await self.app(scope, counted, passed_on)
        except Exception as error:
            fault = error
        if scope["path"] == EVENTS and not ended and (gone or isinstance(fault, ClientDisconnect)):
            # Gradio itself does so only if it notices between two events that the visitor has disconnected.
            session = QueryParams(scope["query_string"]).get("session_hash")
            await self.queue.clean_events(session_hash=session)
        if fault is None and start.get("status") != 500:
            return
        excused = excuse(fault, self.jobs.public) if fault else None
        if not excused:
            LOG.warning("Gradio failed on a request", exc_info=fault)
        if not start or start["status"] == 500:
            await (excused or answer(422, "this message is not valid for the page"))(scope, receive, send)
        elif fault and "text/event-stream" not in Headers(raw=start["headers"]).get("content-type", ""):
            raise fault


SCRIPTS = ("page.js", "viewer.js", "compare.js", "brush.js", "clips.js")
STYLES = ("page.css", "compare.css", "clips.css")


def mount_page(app: FastAPI, jobs: Jobs, bounds: Bounds, slots: Semaphore, space: Space) -> None:
    """Mount the page at the root of an application."""
    os.environ["GRADIO_TEMP_DIR"] = str(jobs.page)  # the only way to set the upload folder
    app.state.views = Views(jobs)
    page = Page(jobs, bounds, slots, app.state.views)
    page.blocks.has_launched = True  # otherwise Gradio accepts any path as an upload
    gr.mount_gradio_app(
        *(app, page.blocks, "/"),
        theme=_theme(),
        css_paths=[HERE / name for name in STYLES],
        head="".join(f"<script>{(HERE / name).read_text()}</script>" for name in SCRIPTS),
        favicon_path=str(HERE / "icon.png"),
        max_file_size=bounds.bytes,
        show_error=False,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
    )
    gradio = app.router.routes[-1].app  # type: ignore[attr-defined]
    app.router.routes[-1] = Needed("/", app=Shielded(gradio, jobs, space, page.blocks._queue))


def _theme() -> gr.Theme:
    """Greys, so that no colour influences the judgement of a picture; the visitor's own fonts."""
    theme = gr.themes.Base(
        primary_hue="amber", neutral_hue="stone", font=["system-ui", "sans-serif"], font_mono=["monospace"]
    )
    return theme.set(
        **{"body_background_fill": "*neutral_50", "body_background_fill_dark": "*neutral_950"},
        **{"body_text_color_subdued": "*neutral_600", "body_text_color_subdued_dark": "*neutral_400"},
        **{"block_info_text_color": "*neutral_600", "block_info_text_color_dark": "*neutral_400"},
        **{"button_primary_background_fill": "*neutral_800", "button_primary_background_fill_hover": "*neutral_700"},
        **{"button_primary_background_fill_dark": "*neutral_200", "button_primary_text_color_dark": "*neutral_900"},
        **{"button_primary_background_fill_hover_dark": "white", "slider_color": "*primary_600"},
        **{"block_radius": "10px", "button_large_radius": "10px", "container_radius": "10px"},
    )
