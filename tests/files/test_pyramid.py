"""Pyramids for display: their levels, tiles and colours, and the region that changed most."""

import cv2
import numpy as np
import pytest

from restora.core.errors import BadImage
from restora.core.image import Image, Meta
from restora.files.picture import open_picture
from restora.files.profile import D65, icc_profile
from restora.files.pyramid import SIDE, Pyramid, most_changed, write_pyramid
from restora.files.save import write


def pyramid_of(image, folder, name="x.png"):
    write(image, folder / name)
    write_pyramid(open_picture(folder / name), folder / f"{name}.tif")
    return Pyramid(folder / f"{name}.tif")


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("bits", [8, 16])
def test_levels_are_means_and_tiles_are_where_they_belong(tmp_path, photo, bits):
    x = np.tile(photo, (3, 2, 1))[:700, :600]
    pyramid = pyramid_of(Image(x, meta=Meta(bits)), tmp_path)
    assert pyramid.sizes()[:2] == [(600, 700), (300, 350)]
    corner = decoded(pyramid.tile(0, 1, 1))[:, :, ::-1] / 255
    assert corner.shape == (700 - SIDE, 600 - SIDE, 3) and np.abs(corner - x[SIDE:, SIDE:]).mean() < 0.02
    half = decoded(pyramid.tile(1, 0, 0))[:, :, ::-1] / 255
    assert np.abs(half - x.reshape(350, 2, 300, 2, 3).mean((1, 3))).mean() < 0.02
    for where in ((0, 2, 0), (0, 0, 2), (9, 0, 0)):
        with pytest.raises(BadImage):
            pyramid.tile(*where)


def test_alpha_is_kept_and_colours_become_srgb(tmp_path):
    grey = np.full((40, 40, 3), 0.5, np.float32)
    alpha = np.zeros((40, 40), np.float32)
    tile = decoded(pyramid_of(Image(grey, alpha), tmp_path).tile(0, 0, 0))
    assert tile.shape == (40, 40, 4) and not tile[:, :, 3].any()
    primaries = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
    linear = Meta(icc=icc_profile("linear", primaries, D65, (1.0,), False))
    tile = decoded(pyramid_of(Image(grey, meta=linear), tmp_path, "linear.png").tile(0, 0, 0))
    assert np.abs(tile.astype(int) - 188).max() <= 2  # 0.5 in linear light
    broken = pyramid_of(Image(grey, meta=Meta(icc=linear.icc[:200])), tmp_path, "broken.tif")
    assert broken.sizes()


def test_a_damaged_file_is_refused_as_by_its_reader(tmp_path, photo):
    write(Image(photo), tmp_path / "x.png")
    data = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadImage, match="damaged"):
        write_pyramid(open_picture(tmp_path / "x.png"), tmp_path / "x.tif")


def test_the_region_that_changed_most_is_found(tmp_path, photo):
    x = np.tile(photo, (3, 3, 1))
    y = x.copy()
    y[500:600, 100:200] += 0.1
    before, after = pyramid_of(Image(x), tmp_path, "x.png"), pyramid_of(Image(y), tmp_path, "y.png")
    across, down = most_changed(before, after, (128, 128))
    assert abs(across - 150) < 50 and abs(down - 550) < 50
    assert most_changed(before, after, (10_000, 10_000)) == pytest.approx((x.shape[1] / 2, x.shape[0] / 2), abs=32)


def test_of_regions_that_changed_alike_it_is_the_one_with_most_detail(tmp_path, photo):
    noise = np.random.default_rng(0).standard_normal((256, 768, 3)).astype(np.float32)
    x = np.full((256, 768, 3), 0.5, np.float32)
    x[:, 512:] = photo[:256, :256]
    before, after = pyramid_of(Image(x + 0.1 * noise), tmp_path, "x.png"), pyramid_of(Image(x), tmp_path, "y.png")
    assert most_changed(before, after, (200, 200))[0] > 512


def test_a_result_of_another_size_is_compared_too(tmp_path, photo):
    before = pyramid_of(Image(photo), tmp_path, "x.png")
    large = np.repeat(np.repeat(photo, 2, 0), 2, 1)
    large[:64, :64] = 0
    across, down = most_changed(before, pyramid_of(Image(large), tmp_path, "y.png"), (64, 64))
    assert across <= 96 and down <= 96
