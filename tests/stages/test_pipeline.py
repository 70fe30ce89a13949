"""A pipeline of stages: what needs the whole picture is run once, what follows is tiled again, products are kept."""

import json
import subprocess
import sys

import numpy as np
import pytest
import pyvips

from restora.core.errors import BadImage, BadPlan, OutputExists
from restora.core.image import Image, Meta
from restora.core.inputs import Input, Product
from restora.core.knobs import Knob
from restora.core.method import Made, Method
from restora.core.plan import Plan, Step, plan_from_json
from restora.core.report import Report
from restora.engines.choice import Backend
from restora.files.picture import read
from restora.files.save import write
from restora.methods.table import METHODS
from restora.stages.local import Local
from restora.stages.pipeline import RESTING, Means, Pipeline, Source, prepare
from restora.stages.spool import Spool
from restora.work.restore import Limits, Options, restore, restore_file

CALLS = []
FACTS = {"about": "", "treats": ("gaussian",), "paper": ""}


def levelled(y, gain):
    """Each pixel away from the mean of the whole picture."""
    CALLS.append(y.shape)
    mean = y.mean()
    return Made((mean + gain * (y - mean)).astype(np.float32), {"centre": [[0, 0, *y.shape[:2]]]}, "levelled")


def weighted(y, kernel, guide=None):
    """The sum of neighbours with the weights of a kernel."""
    from scipy.ndimage import convolve

    x_hat = np.dstack([convolve(plane, kernel, mode="nearest") for plane in np.moveaxis(y, 2, 0)])
    return Made(x_hat.astype(np.float32), {"change": np.abs(x_hat - y).mean(2)})


ROWS = {
    "levelled": Method(
        "levelled", f"{__name__}:levelled", "whole", knobs=(Knob("gain", float, 0.5, 0, 2, "times", "contrast"),),
        products=(Product("centre", "boxes", "where it looked"),), memory=40, **FACTS,
    ),
    "weighted": Method(
        "weighted", f"{__name__}:weighted", "local", halo=4, memory=120,
        inputs=(Input("kernel", "kernel", "the weights"), Input("guide", "plane", "unused", required=False)),
        products=(Product("change", "plane", "how much changed"),), **FACTS,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def rows(monkeypatch):
    for name, row in ROWS.items():
        monkeypatch.setitem(METHODS, name, row)
    CALLS.clear()


def given(words):
    return {"kernel": {"value": words}}


WHOLE = Step("levelled", "", knobs={"gain": 0.7})
KERNEL = Step("weighted", "", inputs=given("gaussian(sigma=0.8)"))
MEDIAN = Step("median", "", knobs={"radius": 2})
CHAINS = {
    "whole": [WHOLE],
    "whole, then local": [WHOLE, MEDIAN],
    "local, whole, local": [KERNEL, WHOLE, MEDIAN],
    "two wholes": [MEDIAN, WHOLE, KERNEL, WHOLE, MEDIAN],
    "whole, larger, whole": [WHOLE, Step("bicubic", "", knobs={"width": 401, "height": 355}), WHOLE],
}


@pytest.mark.parametrize("steps", CHAINS.values(), ids=CHAINS)
def test_a_whole_stage_is_run_once_and_what_follows_is_tiled(photo, tmp_path, steps):
    """In small tiles from file to file as in memory in one piece, and as the methods by themselves."""
    y = np.rint(np.tile(photo, (2, 2, 1))[:310, :530] * 65535).astype(np.float32) / 65535
    write(Image(y, meta=Meta(bits=16)), tmp_path / "y.png")
    plan = Plan(tuple(steps), "")
    whole = restore(Image(y), plan)[0].pixels
    assert len(CALLS) == steps.count(WHOLE)
    report = restore_file(tmp_path / "y.png", tmp_path / "x.tif", plan, Options(limits=Limits(RESTING + 15_000_000)))
    assert len(CALLS) == 2 * steps.count(WHOLE) and report.tiles >= 2
    assert np.abs(read(tmp_path / "x.tif").pixels - whole.clip(0, 1)).max() <= 1e-5 + 0.5 / 65535
    assert report.warnings == ["levelled: levelled"] * steps.count(WHOLE)
    apart = y
    for step in steps:
        apart = restore(Image(apart), Plan((step,), ""))[0].pixels
    assert np.abs(whole - apart).max() <= 1e-5


def test_memory_is_that_of_the_greediest_segment_not_of_all(photo):
    def needed(*steps):
        plan, low, high = Plan(tuple(steps), ""), 0, 8 * 10**9
        while high - low > 10**5:
            middle = (low + high) // 2
            try:
                prepare(plan, Source(None, (3000, 4000, 3)), Report(plan), Means(Backend("openvino"), middle))
                high = middle
            except BadImage:
                low = middle
        return high

    whole, both = needed(WHOLE), needed(MEDIAN, WHOLE, KERNEL)
    assert both == whole == pytest.approx(RESTING + 40 * 12 * 10**6, rel=0.01)


BIG = """
import json, sys
from pathlib import Path
from restora.core.knobs import Knob
from restora.core.method import Method
from restora.core.plan import Plan, Step
from restora.methods.table import METHODS
from restora.work.restore import restore_file

def darker(y):
    y *= 0.5
    return y

METHODS["darker"] = Method("darker", "__main__:darker", "whole", "", ("gaussian",), "", memory=8)
steps = Step("darker", ""), Step(sys.argv[1], "", weights=sys.argv[2] or None, knobs=json.loads(sys.argv[3]))
report = restore_file(Path("y.tif"), Path("x.tif"), Plan(steps, ""))
print(json.dumps([report.peak_megabytes, report.tiles]))
"""


@pytest.mark.parametrize(
    "following",
    [
        ("median", "", '{"radius": 1}'),
        pytest.param(("restora", "restora.blind-small", "{}"), marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.slow
def test_a_whole_stage_and_what_follows_fit_a_gigabyte_at_sixty_megapixels(tmp_path, following):
    """A grey picture of 240 MB as floats, of which the whole stage needs one copy."""
    noise = pyvips.Image.gaussnoise(500, 500, mean=128, sigma=30).cast("uchar")
    noise.replicate(15, 16).tiffsave(str(tmp_path / "y.tif"), tile=True, tile_width=256, tile_height=256)
    done = subprocess.run(
        [sys.executable, "-c", BIG, *following], capture_output=True, check=True, text=True, cwd=tmp_path
    )
    peak, tiles = json.loads(done.stdout)
    assert peak <= 1000 and tiles > 1
    x_hat = pyvips.Image.new_from_file(str(tmp_path / "x.tif"))
    assert (x_hat.width, x_hat.height) == (7500, 8000) and 60 < x_hat.avg() < 68


@pytest.mark.parametrize("halo", [0, 3])
def test_windows_of_a_spool_are_those_of_the_array(halo):
    values = np.random.default_rng(0).random((50, 70, 3), dtype=np.float32)
    spool = Spool((50, 70), 3)
    for top in range(0, 50, 17):
        for left in range(0, 70, 30):
            part = values[top : top + 17, left : left + 30]
            spool.write((top, left, *part.shape[:2]), part)
    assert np.array_equal(spool.read(0, 0, 50, 70), values)
    assert np.array_equal(spool.read(halo, 2 * halo, 20, 30), values[halo : halo + 20, 2 * halo : 2 * halo + 30])


def test_a_full_disk_is_told_and_no_file_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = Spool((8, 8), 1)
    assert not list(tmp_path.iterdir())

    def full(*facts):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(BadImage, match="cannot write .* MB to .*: No space left on device; set TMPDIR"):
        spool.write((0, 0, 8, 8), np.zeros((8, 8, 1)))


def test_products_are_in_the_report_and_written_where_asked_for(photo, tmp_path):
    write(Image(photo), tmp_path / "y.png")
    plan = Plan((WHOLE, KERNEL), "")
    kept = {}
    restore(Image(photo), plan, keep=kept.__setitem__)
    assert kept["centre"] == [[0, 0, *photo.shape[:2]]] and kept["change"].shape == photo.shape[:2]
    options = Options(keep=("change", "centre"))
    report = restore_file(tmp_path / "y.png", tmp_path / "x.png", plan, options)
    assert report.products["centre"]["kind"] == "boxes" and set(report.products) == {"change", "centre"}
    change = read(tmp_path / "x.png.change.png").pixels[:, :, 0]
    assert np.abs(change - kept["change"].clip(0, 1)).max() <= 0.5 / 255 + 1e-6
    assert json.loads((tmp_path / "x.png.centre.json").read_text()) == kept["centre"]
    (tmp_path / "x.png").unlink()
    with pytest.raises(OutputExists, match=r"x.png.centre.json exists"):
        restore_file(tmp_path / "y.png", tmp_path / "x.png", plan, options)
    assert not (tmp_path / "x.png").exists()
    with pytest.raises(BadPlan, match="no step of the plan makes a product 'kernel'; known: centre, change"):
        restore_file(tmp_path / "y.png", tmp_path / "x.png", plan, Options(keep=("kernel",)))


def test_a_second_output_of_a_net_is_a_product():
    """As large as the result, put together from tiles."""
    y = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32)
    trust = Spool((80, 100), 1)

    def net(window, planes):
        large = np.repeat(np.repeat(window, 2, 0), 2, 1)
        return Made(large, {"trust": large.mean(2, keepdims=True)})

    stage = Local("made up", (40, 50), net, halo=3, scale=2, kept={"trust": trust})
    work = Pipeline(Source(Image(y).window, y.shape), [stage], [(32, 24)])
    for window in work:
        work.run(*window)
    large = np.repeat(np.repeat(y, 2, 0), 2, 1)
    assert np.allclose(trust.read(0, 0, 80, 100), large.mean(2, keepdims=True))


def test_inputs_are_part_of_the_plan_and_are_checked(photo, tmp_path):
    plan = Plan((KERNEL,), "")
    other = Plan((Step("weighted", "", inputs=given("gaussian(sigma=0.9)")),), "")
    assert plan.id != other.id and plan_from_json(plan.to_json()) == plan
    with pytest.raises(BadPlan, match="weighted needs a kernel; give it with --kernel"):
        restore(Image(photo), Plan((Step("weighted", ""),), ""))
    with pytest.raises(BadPlan, match="median has no input kernel"):
        restore(Image(photo), Plan((Step("median", "", inputs=given("disk(radius=2)")),), ""))
    with pytest.raises(BadPlan, match="the kernel cannot be read: blur has no kind 'dsk'; did you mean disk"):
        restore(Image(photo), Plan((Step("weighted", "", inputs=given("dsk(radius=2)")),), ""))
    with pytest.raises(BadPlan, match="must be a file, or words such as motion"):
        restore(Image(photo), Plan((Step("weighted", "", inputs=given("2")),), ""))
    with pytest.raises(BadPlan, match="must be a file and its sha256, or a value"):
        Step("weighted", "", inputs={"kernel": {"file": "k.png"}})


def test_plans_of_earlier_versions_are_read():
    step = {"method": "biharmonic", "because": "", "hole": {"file": "m.png", "sha256": "0"}, "sigma_map": None}
    made = plan_from_json(json.dumps({"steps": [step], "because": ""}))
    assert made.steps[0].inputs == {"mask": {"file": "m.png", "sha256": "0"}}
