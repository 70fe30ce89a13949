"""Run what the page wants of a clip as a job, wait for it, and put its files away for display and download."""

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from restora.app.clip_requests import ClipSight
from restora.app.clip_views import upright, write_shown, write_still
from restora.app.page_jobs import own_folder
from restora.app.views import SEEN, ClipFiles, View, Views
from restora.core.errors import BadImage, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan
from restora.files.clip import open_clip
from restora.files.pyramid import most_changed
from restora.files.save import write
from restora.work.clip_jobs import CLIP, ClipWish, ending_of
from restora.work.clips import preview_of
from restora.work.job_files import Job
from restora.work.jobs import Jobs


@dataclass(frozen=True, eq=False)
class PageClip:
    """A clip that was uploaded and examined."""

    path: Path
    sight: ClipSight
    salvage: bool = False

    @property
    def pixels(self) -> int:
        """Of all frames together."""
        height, width = self.sight.clip.shape[:2]
        return self.sight.clip.times.frames * height * width


async def carried_out_clip(
    jobs: Jobs, clip: PageClip, plan: Plan | None, wish: ClipWish
) -> AsyncIterator[Job | ClipFiles]:
    """The state of a clip's job, repeatedly, then the files of its result; no files if it was cancelled.

    The job is cancelled if the visitor disconnects. Raises RestoraError if it fails, Full if the queue is full.
    """
    job = await asyncio.to_thread(_add, jobs, clip, plan, wish)
    try:
        now = jobs.find(job.id)
        while now and now.state in ("queued", "running"):
            yield now
            await asyncio.sleep(0.25)
            now = jobs.find(job.id)
        if now and now.state == "failed":
            raise RestoraError(now.error.replace(CLIP, clip.path.name, 1))
        if now and now.state == "done":
            yield await asyncio.to_thread(_put_away, jobs, now, clip, wish)
    finally:
        jobs.cancel(job.id)


def _add(jobs: Jobs, clip: PageClip, plan: Plan | None, wish: ClipWish) -> Job:
    if not clip.path.exists():
        raise BadImage(f"{clip.path.name} was deleted after {jobs.keep_seconds / 60:g} minutes; choose it again")
    copy = jobs.page / uuid.uuid4().hex
    try:
        shutil.copyfile(clip.path, copy)
        text = json.dumps(plan.as_dict()) if plan else ""
        return jobs.add(copy, ending_of(clip.path, wish.codec), text, salvage=clip.salvage, clip=wish)
    finally:
        copy.unlink(missing_ok=True)


def _put_away(jobs: Jobs, job: Job, clip: PageClip, wish: ClipWish) -> ClipFiles:
    """The files of a finished job, in a folder of the page; its report names the visitor's file."""
    folder = own_folder(jobs)
    kind = "preview" if wish.preview else "more-frames" if wish.more else "restored"
    result = folder / f"{clip.path.stem}.{kind}.{job.ending}"
    report = folder / f"{result.name}.json"
    shutil.move(jobs.output(job), result)
    told = json.loads(jobs.report(job.id).read_text()) | {"input": clip.path.name, "output": result.name}
    told["diagnosis"] = told["diagnosis"] or clip.sight.diagnosis.as_dict()
    report.write_text(json.dumps(told, indent=2) + "\n")
    return ClipFiles(result, report)


def still_of(views: Views, clip: PageClip) -> View:
    """How a frame from the middle of the clip is displayed."""
    still = own_folder(views.jobs) / "still.png"
    write(Image(upright(clip.sight.clip.near(0.5), clip.sight.clip)), still)
    return views.of(still, clip.path.name)


def compared(views: Views, clip: PageClip, preview: Path) -> tuple[View, ClipFiles]:
    """A preview beside the same second of the clip: its middle frame, and both as small files that a browser plays."""
    before, after = clip.sight.clip, open_clip(preview, views.jobs.limits.pixels)
    first, count = preview_of(before)
    folder, middle = own_folder(views.jobs), after.times.frames // 2
    stills = {"before": (before, first + middle), "after": (after, middle)}
    for name, (one, number) in stills.items():
        write_still(one, number, folder / f"{name}.png")
    write_shown(before, (first, count), folder / "before.mp4")
    write_shown(after, (0, after.times.frames), folder / "after.mp4")
    was, now = (views.pyramid(folder / f"{name}.png", clip.path.name) for name in stills)
    view = views.add(View(clip.path.name, was, now, middle=most_changed(was, now, SEEN)))
    return view, ClipFiles(before=folder / "before.mp4", after=folder / "after.mp4")
