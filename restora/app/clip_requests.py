"""Clips in the HTTP API: the parameters of a request, what is found in a clip, and its job."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Query

from restora.app.review import admit_input
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadImage, BadKnob, BadPlan
from restora.core.plan import Plan
from restora.files.clip import Clip
from restora.files.container import container_of
from restora.methods.table import INPUTS
from restora.work.clip_jobs import ClipWish, admitted_clip, check_wish, ending_of
from restora.work.clips import frames_to_diagnose
from restora.work.fix import plan_to_fix
from restora.work.job_files import Job
from restora.work.jobs import Jobs
from restora.work.plan import plan_to_enlarge_as_found
from restora.work.restore import Limits

MEDIA = {"mp4": "video/mp4", "m4v": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska"}
"""Media types of results, by file name extension."""


@dataclass(frozen=True)
class ClipQuery:
    """The parameters of a request that are for clips."""

    preview: Annotated[bool, Query(description="Restore only one second from the middle of a clip.")] = False
    codec: Annotated[Literal["h264", "ffv1"], Query(description="Of a clip: H.264, or FFV1, which is lossless.")] = (
        "h264"
    )
    quality: Annotated[int, Query(ge=1, le=100, description="Of H.264; 100 is lossless.")] = 95
    deinterlace: Annotated[bool, Query(description="Make the frames of an interlaced clip progressive.")] = False
    factor: Annotated[int | None, Query(ge=2, le=16, description="Make so many times as many frames.")] = None
    fps: Annotated[
        str, Query(max_length=20, pattern=r"^(\d+(\.\d+)?|\d+/\d+)?$", description="Or frames a second, as 60000/1001.")
    ] = ""
    between: Annotated[
        Literal["tgan", "flow", "blend", "repeat"], Query(description="How frames between others are made.")
    ] = "tgan"

    @property
    def wish(self) -> ClipWish:
        """What is to be done with a clip."""
        form = self.preview, self.codec, self.quality, self.deinterlace
        return ClipWish(*form, self.factor or 0, self.fps, self.between)

    def for_pictures(self) -> None:
        """Raise BadKnob if one is set."""
        if self != ClipQuery():
            names = ", ".join(each.name for each in fields(self))
            raise BadKnob(f"{names} are for clips, and this is a picture")


@dataclass(frozen=True, eq=False)
class ClipSight:
    """A diagnosed clip: an open file, and what was found in its frames."""

    clip: Clip
    diagnosis: Diagnosis
    plan: Plan

    def facts(self) -> dict[str, Any]:
        """Its frames and seconds, as JSON."""
        clip = self.clip
        return {"frames": clip.times.frames, "seconds": float(clip.seconds), "frames_a_second": str(clip.rate)}


def look_at_clip(path: Path, limits: Limits, salvage: bool = False, strength: str = "normal") -> ClipSight:
    """Diagnose frames of a clip. Raises BadImage or Truncated."""
    clip = admitted_clip(path, limits, salvage)
    return ClipSight(clip, *plan_to_fix(frames_to_diagnose(clip), strength))


def enlarged(sight: ClipSight, scale: float) -> Plan:
    """The plan that treats what was found and enlarges the clip `scale` times. Raises BadPlan."""
    if scale == 1:
        return sight.plan
    height, width = sight.clip.shape[:2]
    size = round(height * scale), round(width * scale)
    return plan_to_enlarge_as_found(sight.diagnosis, sight.clip.shape, size, treated=sight.plan)


def clip_found(path: Path, limits: Limits, scale: float, salvage: bool) -> dict[str, Any]:
    """What was found in a clip, and the plan, for a response."""
    sight = look_at_clip(path, limits, salvage)
    plan = enlarged(sight, scale)
    told = {"shape": sight.clip.shape, "clip": sight.facts(), **sight.diagnosis.as_dict()}
    return {**told, "plan": {"id": plan.id, **plan.as_dict()}}


def admit_clip_input(name: str, path: Path, limits: Limits, frames: int) -> None:
    """Raise BadImage for an input of a method that may be neither a picture nor a clip with so many frames."""
    if not container_of(path):
        admit_input(name, path, limits)
        return
    other = admitted_clip(path, limits, name=f"the {INPUTS[name].called}")
    if other.times.frames != frames:
        raise BadImage(
            f"the {INPUTS[name].called} must have as many frames as the clip, {frames}, not {other.times.frames};"
            " for all frames give a picture"
        )


def add_clip(
    path: Path, inputs: Mapping[str, Path], plan: str, scale: float, salvage: bool, wish: ClipWish, jobs: Jobs
) -> Job:
    """Add the job of a clip; one that is enlarged is planned at once. Raises RestoraError."""
    clip = admitted_clip(path, jobs.limits, salvage)
    check_wish(wish, clip, jobs.limits)
    for name, file in inputs.items():
        admit_clip_input(name, file, jobs.limits, clip.times.frames)
    if wish.more and (plan or inputs or scale != 1):
        raise BadPlan("a clip gets more frames, or is restored; send no plan, scale or inputs with factor or fps")
    if scale != 1:
        plan = enlarged(look_at_clip(path, jobs.limits, salvage), scale).to_json()
    return jobs.add(path, ending_of(path, wish.codec), plan, inputs, salvage, clip=wish)
