"""Tiled equals whole, for every learned row, with halo and multiple as measured on the net itself."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import prod

import numpy as np
import pytest
import torch

from restora.core.errors import NotFinite
from restora.core.image import Image
from restora.core.method import Made
from restora.core.resample import bicubic_weights, imresize
from restora.engines.channels import from_y
from restora.engines.openvino_ import openvino_engine
from restora.engines.tiling import UNIT, around, continued, cores, restore_piece, tile_for
from restora.engines.torch_ import torch_engine
from restora.learn.export import to_onnx
from restora.learn.probe import WIDEST_GRID, probed_reach
from restora.learn.weights import find
from restora.methods.table import METHODS
from restora.stages.local import Local
from restora.stages.pipeline import Pipeline, Source
from restora.stages.resize import Resize
from tests.cards import ends

ROWS = [row for row in METHODS.values() if row.stage == "net" and row.weights and row.halo is not None]
LEARNED = list({method.entry: method for method in reversed(ROWS)}.values())  # Noise2Noise has the class of U-Net
NARROW = {
    "dncnn": {"width": 16},
    "vdsr": {"width": 16},
    "edsr": {"width": 16},
    "unet": {"widths": (8, 16, 32, 64)},
    "attention-unet": {"widths": (8, 16, 32, 64)},
    "mark-finder": {"widths": (8, 16, 16, 16)},
    "motion": {"widths": (12, 24, 48, 16)},
    "restora": {"widths": (12, 24, 48)},
}
"""Knobs of nets that are quick to run; how far a net looks, and on which grid, does not depend on its width."""
F32 = 1e-5


def planes(row):
    """The input planes: TGAN sees four pictures."""
    return row.channels * (4 if row.name == "tgan" else 1)


def knobs(row):
    return {"channels": row.channels, **NARROW.get(row.name, {})}


@pytest.fixture(scope="module", params=LEARNED, ids=lambda method: method.name)
def row(request):
    return request.param


@pytest.fixture(scope="module")
def net(row):
    """A net with random weights everywhere: shipped ones could be zero where a wrong halo would show."""
    torch.manual_seed(0)
    net = row.load()(**knobs(row))
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.02 if parameter.ndim == 1 else 1.2 / parameter[0].numel() ** 0.5)
        parameter.data = parameter.data.half().float()
    for norm in (module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.constant_(norm.weight, 1.5)  # not small, or hardly anything would pass
    net.eval().requires_grad_(False)
    largest = net(torch.rand(1, planes(row), 64, 64)).abs().max()
    for parameter in list(net.parameters())[-2:]:  # of the last layer: results are of the order of one, as pictures are
        parameter.data = (parameter.data / largest).half().float()
    return net


@pytest.fixture(scope="module")
def model(row, net, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / f"{row.name}.onnx"
    path.write_bytes(to_onnx(net, *ends(planes(row)), row.multiple))
    return path


@pytest.fixture(scope="module", params=["openvino", "torch"])
def run(request, row, net, model):
    """(H, W, C) -> (H, W, C) of the random net on one engine."""
    if request.param == "openvino":
        engine = openvino_engine(model, "f32")
    else:
        state = {name: value.numpy() for name, value in net.state_dict().items()}
        engine = torch_engine(row.load(), knobs(row), state, "f32")
    return lambda y: from_y(engine)(y.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)


def tiled(run, y, tile, halo, row):
    left = 1 if row.stage == "find" else row.channels
    x_hat = np.empty((y.shape[0] * row.scale, y.shape[1] * row.scale, left), np.float32)
    for core in cores(*y.shape[:2], tile):
        piece = around(core, y.shape[:2], halo, row.multiple)
        part = restore_piece(piece, lambda t, l, h, w: y[t : t + h, l : l + w], run, row.multiple, row.scale)
        top, left, height, width = (row.scale * side for side in core)
        x_hat[top : top + height, left : left + width] = part
    return x_hat


def whole(run, y, row):
    return run(continued(y, row.multiple))[: y.shape[0] * row.scale, : y.shape[1] * row.scale]


def picture(row, height=None, width=None):
    """Large enough that a tile in the middle does not see the borders."""
    sizes = {0: (211, 263), 41: (299, 347), 61: (403, 517), 145: (563, 677)}
    least = next(size for halo, size in reversed(sizes.items()) if row.halo >= halo)
    height, width = height or least[0], width or least[1]
    return np.random.default_rng(1).random((height, width, planes(row)), dtype=np.float32)


@pytest.fixture(scope="module")
def entire(row, run):
    """A picture, and what the net makes of the whole of it."""
    y = picture(row)
    return y, whole(run, y, row)


def test_rows_of_one_class_state_the_same_of_it():
    for row in ROWS:
        twin = next(method for method in LEARNED if method.entry == row.entry)
        assert (row.halo, row.multiple, row.channels, row.memory) == (
            *(twin.halo, twin.multiple, twin.channels),
            twin.memory,
        )


def test_the_halo_in_the_table_is_the_measured_one(row):
    measured = probed_reach(row.load()(channels=row.channels).eval(), planes(row), row.scale, row.multiple, 0)
    assert row.halo == measured, f"set halo={measured} in the row of {row.name}"


def test_the_multiple_in_the_table_is_the_least_that_works(row, net):
    def fits(multiple):
        y = torch.zeros(1, planes(row), 3 * multiple, 5 * multiple)
        try:
            return net(y).shape[2:] == (3 * multiple * row.scale, 5 * multiple * row.scale)
        except RuntimeError:
            return False

    least = next(multiple for multiple in range(1, WIDEST_GRID + 1) if fits(multiple))
    assert row.multiple == least, f"set multiple={least} in the row of {row.name}"


@pytest.mark.parametrize("tile", [(64, 128), (200, 136)])
def test_tiled_equals_whole(row, run, entire, tile):
    y, x_hat = entire
    apart = np.abs(tiled(run, y, tile, row.halo, row) - x_hat).max()
    assert apart <= F32


def test_a_wrong_halo_shows(row, run, entire):
    y, x_hat = entire
    short = row.halo // 2 // row.multiple * row.multiple
    apart = np.abs(tiled(run, y, (128, 128), short, row) - x_hat).max()
    assert apart > F32


def test_a_pixel_off_the_grid_shows_where_there_is_a_grid(row, run, entire):
    """A picture without its first row and column gives other pixels far from its borders, if the net has a grid."""
    y, x_hat = entire
    off = whole(run, y[1:, 1:], row)
    first, last = row.scale * (row.halo + 1), [row.scale * (side - row.halo - row.multiple - 1) for side in y.shape[:2]]
    part, moved = x_hat[first : last[0], first : last[1]], off[first - row.scale :, first - row.scale :]
    apart = np.abs(moved[: part.shape[0], : part.shape[1]] - part)
    assert apart.size and (apart.max() > F32) == (row.multiple > 1)


@pytest.mark.parametrize("size", [(1, 1), (3, 20), (7, 9), (8, 8), (41, 17)])
def test_small_pictures_are_whole_pictures(row, run, size):
    y = picture(row, *size)
    assert np.array_equal(tiled(run, y, (512, 512), row.halo, row), whole(run, y, row))


def test_both_engines_give_the_same(row, net, model):
    given = {"y": picture(row, 96, 128).transpose(2, 0, 1)[None]}
    ours = openvino_engine(model, "f32")(given)
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    theirs = torch_engine(row.load(), knobs(row), state, "f32")(given)
    assert ours.keys() == theirs.keys() == {"x_hat"}
    assert np.abs(ours["x_hat"] - theirs["x_hat"]).max() <= F32


def stage(function, size, **facts):
    return Local("made up", size, lambda v, planes: Made(function(v)), **facts)


def source(y):
    return Source(Image(y).window, y.shape)


def test_steps_in_a_row_are_exact_too():
    """A chain widens each step's reading by the halos of those after it."""
    from scipy.ndimage import gaussian_filter, median_filter

    y = np.random.default_rng(2).random((300, 420, 3), dtype=np.float32)
    stages = [
        stage(lambda v: median_filter(v, (5, 5, 1)), y.shape[:2], halo=2),
        stage(lambda v: gaussian_filter(v, (2, 2, 0)), y.shape[:2], halo=8, multiple=4, strength=0.5),
    ]
    work = Pipeline(source(y), stages, [(64, 96)])
    x_hat = np.empty_like(y)
    for core in work:
        x_hat[core[0] : core[0] + core[2], core[1] : core[1] + core[3]] = work.run(*core)
    first = median_filter(y, (5, 5, 1))
    expected = 0.5 * first + 0.5 * gaussian_filter(first, (2, 2, 0))
    assert np.abs(x_hat - expected).max() <= 1e-6


@pytest.mark.parametrize("tile", [(64, 96), (97, 50)])
def test_steps_that_change_the_size_are_exact_too(tile):
    """Larger by a net, filtered, and down to an odd size: each pixel as in the whole picture."""
    from scipy.ndimage import gaussian_filter

    y = np.random.default_rng(2).random((83, 121, 3), dtype=np.float32)
    size = (207, 311)

    def enlarge(v):
        return np.repeat(np.repeat(gaussian_filter(v, (1, 1, 0)), 3, 0), 3, 1)

    def smooth(v):
        return gaussian_filter(v, (2, 2, 0))

    stages = [
        stage(enlarge, (83, 121), halo=4, scale=3),
        stage(smooth, (249, 363), halo=8, multiple=4),
        Resize("bicubic", bicubic_weights, (249, 363), size, 60),
    ]
    work = Pipeline(source(y), stages, [tile])
    assert work.size() == size
    x_hat = np.empty((*size, 3), np.float32)
    for core in work:
        x_hat[core[0] : core[0] + core[2], core[1] : core[1] + core[3]] = work.run(*core)
    large = enlarge(y)
    expected = imresize(smooth(continued(large, 4))[: large.shape[0], : large.shape[1]], *size)
    assert np.abs(x_hat - expected).max() <= 1e-5


def test_tiles_fit_the_memory_allowed():
    def reads(tile, shape):
        return [min(side + 2 * 144, whole) for side, whole in zip(tile, shape, strict=True)]

    for allowed in (10**8, 3 * 10**8, 10**9, 4 * 10**9):
        for shape in ((20000, 20000), (3000, 4000), (600, 9000)):
            tile = tile_for(shape, lambda *tile, shape=shape: 330 * prod(reads(tile, shape)), allowed)
            if tile is None:
                assert allowed < (UNIT + 2 * 144) ** 2 * 330
                continue
            assert prod(reads(tile, shape)) * 330 <= allowed
            assert tile[0] % UNIT == tile[1] % UNIT == 0
            assert tile[1] <= -(-shape[1] // UNIT) * UNIT


@pytest.mark.parametrize("size", [(3000, 4000), (4000, 3000), (2160, 3840), (1200, 1600)])
def test_the_tile_asks_least_for_the_whole_picture(size):
    def demand(height, width):
        return min(size[0], height + 276) * min(size[1], width + 276)

    def asked(tile):
        return sum(demand(height, width) for _, _, height, width in cores(*size, tile))

    sides = [range(UNIT, side + UNIT, UNIT) for side in size]
    best = min(asked(tile) for tile in product(*sides) if demand(*tile) <= 2.4e6)
    assert asked(tile_for(size, demand, 2_400_000)) == best


def test_a_tile_that_is_not_finite_is_run_again_and_else_refused():
    y = np.ones((8, 8, 1), np.float32)
    careful = stage(lambda v: v * np.nan, (8, 8), careful=lambda v, planes: Made(v * 2))
    work = Pipeline(source(y), [careful], [(512, 512)])
    assert (work.run(0, 0, 8, 8) == 2).all() and work.repaired == 1
    with pytest.raises(NotFinite):
        Pipeline(source(y), [stage(lambda v: v * np.nan, (8, 8))], [(512, 512)]).run(0, 0, 8, 8)


RESTING = """
import numpy as np
from pathlib import Path
from restora.engines.openvino_ import openvino_engine, rest
from restora.learn.weights import find

def resident():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1e3

engine, y = openvino_engine(find("restora.noise").onnx, "f32"), np.full((1, 4, 768, 768), 0.5, np.float32)
run = lambda y: engine({"y": y})["x_hat"]
first, holding = run(y), resident()
rest()
print(holding - resident(), np.array_equal(run(y), first))
"""


def test_an_engine_that_rests_gives_its_memory_back_and_works_on():
    """In a process of its own: where many tests have run, what is given back may be kept for what comes next."""
    done = subprocess.run([sys.executable, "-c", RESTING], capture_output=True, text=True, check=True)
    given_back, same = done.stdout.split()
    assert float(given_back) > 50 and same == "True"


def test_an_engine_may_be_called_from_several_threads():
    run = from_y(openvino_engine(find("restora.noise").onnx, "f32"))
    planes = np.random.default_rng(0).random((8, 1, 4, 64, 64), dtype=np.float32)
    apart = [run(y) for y in planes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, planes))
    assert all(np.array_equal(one, other) for one, other in zip(apart, together, strict=True))
