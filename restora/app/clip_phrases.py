"""The texts of the page about clips, as HTML. Text from a visitor, such as a file name, is escaped here."""

import json
from collections.abc import Mapping
from html import escape

from restora.app import phrases
from restora.app.clip_requests import ClipSight
from restora.app.review import Sight
from restora.app.views import View
from restora.core.plan import Plan
from restora.work.restore import Limits

WHAT = (("Repair what was found", "repair"), ("Remove noise", "denoise"), ("Make more frames", "frames"))
"""What can be done with a clip."""
NOTHING = "Nothing was found to repair. You can remove noise, enlarge the clip, or make more frames."
CANCELLED = "Cancelled; nothing was kept."
TRIED = "One second from the middle. Compare at 100 %, and watch it for flicker."
DONE = "Done. Watch it, then download."
NO_PLAYER = "Done. Download it; browsers may not play this kind of clip."


def limits(size: int, given: Limits) -> str:
    """How large a clip may be."""
    bounds = [f"{size / 1e6:g} MB"]
    bounds += [f"{given.seconds / 60:.3g} minutes"] if given.seconds < float("inf") else []
    bounds += [f"{given.frames:g} frames"] if given.frames < float("inf") else []
    return phrases.note(f"Or a clip (MP4, MOV, MKV, WebM, AVI and others), up to {', '.join(bounds)}.")


def found(name: str, sight: ClipSight) -> str:
    """What was found in the frames of a clip, and the plan."""
    clip = sight.clip
    frames = f"{clip.times.frames} frames, {float(clip.rate):.4g} a second, {float(clip.seconds):.4g} seconds"
    about = phrases.findings(Sight(clip.path.with_name(name), clip.shape, "", sight.diagnosis, sight.plan))
    return f'<div class="restora-clip">{about}<p class="restora-note">{frames}</p>{plan(sight.plan)}</div>'


def plan(one: Plan) -> str:
    """The steps of a plan, each with its reason."""
    if not one.steps:
        return phrases.note(NOTHING)
    steps = "".join(phrases.step(number, step) for number, step in enumerate(one.steps, 1))
    return f'<section class="restora-findings"><h2>The plan</h2>{steps}</section>'


def videos(addresses: Mapping[str, str]) -> str:
    """Videos side by side, by their titles; muted, and repeated."""
    parts = "".join(
        f'<figure><video src="{escape(address)}" muted loop autoplay playsinline controls></video>'
        f"<figcaption>{escape(title)}</figcaption></figure>"
        for title, address in addresses.items()
    )
    return f'<div class="restora-videos">{parts}</div>'


def whole(address: str) -> str:
    """The result, to watch."""
    return f'<div class="restora-videos"><video src="{escape(address)}" playsinline controls></video></div>'


def take(addresses: Mapping[str, str]) -> str:
    """The links to the result and its report."""
    return (
        f'<div class="restora-take"><a id="clip-download" class="restora-primary" href="{escape(addresses["clip"])}"'
        f' download>Download</a><a id="clip-report" class="restora-button" href="{escape(addresses["report"])}"'
        " download>Report</a></div>"
    )


def facts(view: View) -> str:
    """What the browser must know to display a frame before and after: JSON in an attribute."""
    return f'<div data-clip="{escape(json.dumps(view.facts()))}"></div>'
