"""The part of the page for clips: a second of it first, to look at, then all of it as a job.

Its components and events are its own; of the page it hides and shows where one begins.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from restora.app import clip_phrases, phrases
from restora.app.clip_requests import enlarged, look_at_clip
from restora.app.guard import one_of
from restora.app.page_clip_jobs import PageClip, carried_out_clip, compared, still_of
from restora.app.page_clip_layout import ClipLayout, Updates
from restora.app.page_jobs import own_file
from restora.app.page_progress import Remaining, kind_of
from restora.app.views import ClipFiles
from restora.core.errors import BadPlan, RestoraError, Truncated
from restora.core.plan import Plan
from restora.work.clip_jobs import CLIP, ClipWish
from restora.work.clips import frames_to_diagnose, preview_of
from restora.work.decide import to_denoise
from restora.work.fix import NORMAL, STRENGTHS, plan_to_fix, with_strength
from restora.work.interpolate import plan_to_interpolate

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
HIDDEN, MAIN = gr.update(visible=False), gr.update(visible=True, variant="primary")
PLAYS = (".mp4", ".m4v")
"""Endings of results that all browsers play, if their chroma is of half size."""


class ClipSection(ClipLayout):
    """The events."""

    def wire(self) -> None:
        """Wire the events."""
        self.upload.upload(self.look, self.upload, self.outputs, **QUIET)
        self.salvage.click(partial(self.look, salvage=True), self.came, self.outputs, **QUIET)
        self.another.click(self.begin_again, self.job, self.outputs, **QUIET)
        self.what.change(self.offer, self.what, [self.strength, self.scale, self.factor, self.try_it], **QUIET)
        self.stop.click(self.cancel, self.job, self.status, **QUIET)
        wishes = [self.clip, self.what, self.strength, self.scale, self.factor]
        waits: dict[str, Any] = {"concurrency_limit": None, **QUIET}  # the number of jobs is limited
        self.try_it.click(partial(self.run, preview=True), wishes, self.outputs, **waits)
        self.go.click(self.run, wishes, self.outputs, **waits)

    def offer(self, what: str) -> Updates:
        """What can be set for a choice."""
        frames = what == "frames"
        hidden = {self.strength: gr.update(visible=not frames), self.scale: gr.update(visible=what == "repair")}
        return hidden | {self.factor: gr.update(visible=frames), self.try_it: gr.update(visible=not frames)}

    def cancel(self, key: str) -> str:
        """Cancel the pending job."""
        self.jobs.cancel(key)
        return phrases.progress("Stopping …")

    def begin_again(self, key: str = "") -> Updates:
        """The initial page; a pending job is cancelled."""
        self.jobs.cancel(key)
        return self._nothing() | {self.start: gr.update(visible=True), self.desk: HIDDEN}

    def _nothing(self) -> Updates:
        return {
            **{self.clip: None, self.job: "", self.upload: None, self.question: HIDDEN, self.stop: HIDDEN},
            **dict.fromkeys((self.trouble, self.facts, self.videos, self.findings, self.status, self.take), ""),
            **{self.what: gr.update(value="repair", visible=False), self.factor: gr.update(value=2, visible=False)},
            **{self.strength: gr.update(value=NORMAL, visible=False), self.scale: gr.update(value=1, visible=False)},
            **dict.fromkeys((self.try_it, self.go), HIDDEN),
        }

    def look(self, path: str | None, salvage: bool = False) -> Iterator[Updates]:
        """Show what is wrong with the uploaded clip, and the plan.

        If its end is missing, ask whether to use what is present; with `salvage`, use it.
        """
        if not path:
            yield {}
            return
        name = Path(path).name
        shown = {self.start: HIDDEN, self.desk: gr.update(visible=True)}
        yield self._nothing() | shown | {self.status: phrases.progress(f"Examining five frames of {name} …")}
        try:
            own = own_file(Path(path), self.jobs)
            with one_of(self.slots):
                clip = PageClip(own, look_at_clip(own, self.jobs.limits, salvage), salvage)
                still = still_of(self.views, clip)
        except Truncated:
            asked = f"{name} is damaged: its end is missing. Restore the frames that are present?"
            question = {self.question: gr.update(visible=True), self.asked: phrases.note(asked), self.came: path}
            yield self.begin_again() | question
            return
        except RestoraError as error:
            yield self.begin_again() | {self.trouble: self._told(error, name)}
            return
        sight, seen = clip.sight, gr.update(visible=True)
        yield {
            **{self.clip: clip, self.status: "", self.findings: clip_phrases.found(name, sight)},
            self.facts: clip_phrases.facts(still),
            **{self.what: gr.update(visible=True, value="repair" if sight.plan.steps else "denoise")},
            **{self.strength: seen, self.scale: gr.update(visible=bool(sight.plan.steps)), self.try_it: MAIN},
            self.go: gr.update(visible=True, variant="secondary"),
        }

    def _told(self, error: RestoraError, name: str) -> str:
        return phrases.trouble(self.jobs.public(str(error).replace(CLIP, name, 1)))

    async def run(
        self, clip: PageClip | None, what: str, strength: str, scale: float, factor: int, preview: bool = False
    ) -> AsyncIterator[Updates]:
        """Carry out what is wished, on a second of the clip or on all of it, and show the result."""
        if clip is None or strength not in STRENGTHS:
            yield {}
            return
        yield self._busy(True) | {self.status: phrases.progress("Planning …"), self.take: ""}
        idle = self._busy(False) | {self.job: "", self.try_it: gr.update(visible=what != "frames")}
        try:
            wish = ClipWish(preview, factor=int(factor)) if what == "frames" else ClipWish(preview)
            with one_of(self.slots):
                plan = await asyncio.to_thread(self._plan, clip, (what, strength, scale), factor)
            remaining = Remaining(self.pace, [(self._pixels(clip, wish), plan)])
            files = None
            async for now in carried_out_clip(self.jobs, clip, None if wish.more else plan, wish):
                if isinstance(now, ClipFiles):
                    files = now
                    continue
                words = f"Frame {now.done} of {now.total}" if now.total else "Starting"
                words = words if now.state == "running" else "Waiting in the queue"
                left = phrases.time_left(remaining.seconds(0, now))
                yield {self.job: now.id, self.status: phrases.progress(f"{words} …{left}", now.done, now.total)}
            if files is None:
                yield idle | {self.status: phrases.note(clip_phrases.CANCELLED)}
                return
            yield {self.status: phrases.progress("Preparing the comparison …")}
            shown = self._tried if preview else self._done
            yield idle | await asyncio.to_thread(shown, clip, files, plan)
        except RestoraError as error:
            yield idle | {self.status: self._told(error, clip.path.name)}

    def _busy(self, busy: bool) -> Updates:
        buttons = dict.fromkeys((self.try_it, self.go, self.another), gr.update(visible=not busy))
        return buttons | {self.stop: gr.update(visible=busy)}

    def _plan(self, clip: PageClip, wished: tuple[str, str, float], factor: int) -> Plan:
        """The plan for what is wished: what to do, how much, and how many times larger. Raises BadPlan."""
        (what, strength, scale), sight = wished, clip.sight
        if what == "frames":
            return plan_to_interpolate()
        if what == "denoise":
            plan = to_denoise(frames_to_diagnose(sight.clip), {})[1]
            return with_strength(plan, strength)
        if strength == "strong" and sight.plan.steps:  # which needs another plan if frames are read together
            sight = type(sight)(sight.clip, *plan_to_fix(frames_to_diagnose(sight.clip), strength))
        plan = enlarged(sight, scale) if strength == "strong" else with_strength(enlarged(sight, scale), strength)
        if not plan.steps:
            raise BadPlan(clip_phrases.NOTHING)
        return plan

    def _pixels(self, clip: PageClip, wish: ClipWish) -> int:
        frames = preview_of(clip.sight.clip)[1] if wish.preview else clip.sight.clip.times.frames
        return clip.pixels * frames * max(1, wish.factor) // clip.sight.clip.times.frames

    def _tried(self, clip: PageClip, files: ClipFiles, plan: Plan) -> Updates:
        """A second of the clip, before and after."""
        assert files.clip
        with one_of(self.slots):
            view, both = compared(self.views, clip, files.clip)
        addresses = self.views.add_clip(both)
        seconds = self.pace.known.get(kind_of(plan), 0.0) * clip.pixels
        takes = f" All of it takes{phrases.time_left(seconds).removesuffix(' left')} here." if seconds else ""
        return {
            self.facts: clip_phrases.facts(view),
            self.videos: clip_phrases.videos({"Before": addresses["before"], "After": addresses["after"]}),
            **{self.try_it: gr.update(visible=True, variant="secondary"), self.go: MAIN},
            self.status: phrases.note(clip_phrases.TRIED + takes),
        }

    def _done(self, clip: PageClip, files: ClipFiles, plan: Plan) -> Updates:
        """The result, to watch and to download."""
        assert files.clip
        addresses = self.views.add_clip(files)
        layout, quiet = clip.sight.clip.layout, gr.update(visible=True, variant="secondary")
        plays = files.clip.suffix in PLAYS and layout.shrunk == (2, 2) and layout.bits == 8
        return {
            self.take: clip_phrases.take(addresses),
            self.status: phrases.note(clip_phrases.DONE if plays else clip_phrases.NO_PLAYER),
            self.go: quiet,
            **({self.videos: clip_phrases.whole(addresses["clip"])} if plays else {}),
        }
