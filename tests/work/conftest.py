"""Clips that several tests make, and their restoration by a plan that changes little."""

from fractions import Fraction
from pathlib import Path

import pytest

from restora.core.plan import Plan, Step
from restora.work.clips import ClipOptions, restore_clip
from restora.work.restore import Options
from tests.clips import Spec, make

PAL, MILLISECOND = Fraction(1, 25), Fraction(1, 1000)
SOFTENED = Plan((Step("gaussian", "a test", knobs={"width": 0.5}),), "a test")
UNCHANGED = Plan((Step("gaussian", "a test", strength=0.0),), "a test")
LEFT, RIGHT = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30), (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
FILM = Spec([1001 * i for i in range(19)], Fraction(1, 24000), options={"bf": "3"}, sound=(("aac", 0, "eng"),))
SPECS = {
    "24000/1001, with B-frames at the end": FILM,
    "sound that starts later": Spec(
        [40 * i for i in range(12)], MILLISECOND, sound=(("aac", Fraction(2, 11), "eng"),)
    ),
    "pictures that start later": Spec([500 + 40 * i for i in range(12)], MILLISECOND, sound=(("aac", 0, "eng"),)),
    "120000/1001": Spec([1001 * i for i in range(30)], Fraction(1, 120_000)),
    "2160/77": Spec([77 * i for i in range(15)], Fraction(1, 2160)),
    "33, 50 and 16 ms": Spec([0, 33, 83, 99, 132, 182, 198, 231, 281, 297], MILLISECOND),
    "33, 50 and 16 ms in QuickTime": Spec([0, 33, 83, 99, 132, 182, 198, 231, 281, 297], MILLISECOND, ".mov"),
    "16:9 in 720x576, two chapters": Spec(
        list(range(10)), PAL, size=(576, 720), aspect=Fraction(64, 45), chapters=((0, 0.2, "Eins"), (0.2, 0.4, "Zwei"))
    ),
    "two languages and subtitles": Spec(
        [40 * i for i in range(12)], MILLISECOND, ".mkv", sound=(("aac", 0, "deu"), ("libopus", 0, "eng")),
        subtitles="subrip", chapters=((0, 0.2, "Eins"), (0.2, 0.4, "Zwei")),
    ),
    "subtitles in MP4": Spec(list(range(8)), PAL, sound=(("aac", 0, "eng"),), subtitles="mov_text"),
    "HLG, full range, BT.2020": Spec(
        list(range(8)), Fraction(1, 50), pix_fmt="yuv420p10le", colour=(2, 9, 9, 18), options={"crf": "10"}
    ),
    "PQ, BT.2020": Spec(list(range(8)), Fraction(1, 50), pix_fmt="yuv420p10le", colour=(1, 9, 9, 16)),
    "BT.709 in 4:2:2": Spec(list(range(6)), PAL, pix_fmt="yuv422p", colour=(1, 1, 1, 1)),
    "turned by -90": Spec(list(range(6)), PAL, matrix=LEFT),
    "turned by +90": Spec(list(range(6)), PAL, matrix=RIGHT),
    "19 frames of AV1": Spec(list(range(19)), PAL, codec="libsvtav1", options={"preset": "12"}),
    "odd size in 4:4:4": Spec(list(range(6)), PAL, pix_fmt="yuv444p", size=(47, 63)),
    "AVI with B-frames": Spec(list(range(8)), Fraction(1001, 30000), ".avi", "mpeg4", options={"bf": "2"}),
    "WebM": Spec([33 * i for i in range(8)], MILLISECOND, ".webm", "libvpx-vp9", sound=(("libopus", 0, "eng"),)),
}  # fmt: skip
NEW_CONTAINER = ("AVI with B-frames", "WebM")


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    made = {}

    def clip(name):
        if name not in made:
            made[name] = make(folder / f"{len(made)}{SPECS[name].ending}", SPECS[name])
        return made[name]

    return clip


def run(source, target, plan=SOFTENED, tell=None, resume=None, **how):
    options = Options(
        **{name: how.pop(name) for name in ("force", "quality", "salvage", "keep_unchanged") if name in how}
    )
    return restore_clip(source, Path(target), plan, ClipOptions(options, **how), tell=tell, resume=resume)
