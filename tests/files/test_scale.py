"""Floating-point TIFF files on other scales, with outliers and marks for missing data."""

import numpy as np
import pytest
import tifffile

from restora.core.errors import BadImage
from restora.files.picture import open_picture
from restora.work.fix import plan_to_fix
from restora.work.view import view_of


@pytest.fixture
def saved(tmp_path):
    def save(values, **options):
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", **options)
        return tmp_path / "a.tif"

    return save


def marked(photo, mark):
    values = photo.copy()
    values.reshape(-1)[np.random.default_rng(0).permutation(values.size)[: values.size // 1000]] = mark
    return values


@pytest.mark.parametrize("options", [{}, {"tile": (64, 64)}, {"rowsperstrip": 8}])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x: x * 255, r"from 0 to 255, but 0 must be black and 1 white; divide them by 255$"),
        (lambda x: x * 65535, r"divide them by 65535$"),
        (lambda x: x * 1e6, r"divide them by the value of white$"),
        (lambda x: marked(x, 1e30), r"has 233 values beyond 1000 times white \(from 0 to 1e\+30\)"),
        (lambda x: marked(x, -9999), r"has 233 values beyond 1000 times white \(from -9999 to 1\)"),
        (lambda x: marked(x, np.nan), r"has 233 values that are NaN or infinite"),
        (lambda x: marked(x, -np.inf), r"has 233 values that are NaN or infinite"),
    ],
)
def test_other_scales_and_missing_data_are_refused(saved, photo, options, change, says):
    with pytest.raises(BadImage, match=says):
        open_picture(saved(change(photo), **options))


def test_highlights_are_told_and_what_is_ordinary_is_not(saved, photo):
    assert open_picture(saved(photo)).meta.notes == ()
    assert open_picture(saved(photo * 1.5 - 0.2)).meta.notes == ()
    (note,) = open_picture(saved(marked(photo, 50))).meta.notes
    assert note == "the values are from 0 to 50; 0 was taken as black and 1 as white"
    assert open_picture(saved(np.zeros_like(photo))).load().pixels.max() == 0
    assert open_picture(saved(photo * np.float32(1e-38))).load().pixels.max() > 0


def test_large_pictures_are_looked_at_in_squares(saved, photo, monkeypatch):
    monkeypatch.setattr("restora.files.picture._SQUARE", 100)
    monkeypatch.setattr("restora.files.picture.WHOLE", 1000)
    for options in ({}, {"tile": (64, 64)}):
        picture = open_picture(saved(photo, **options))
        assert np.array_equal(picture.load().pixels, photo)
        with pytest.raises(BadImage, match="has 233 values"):
            open_picture(saved(marked(photo, 1e30), **options))


@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e-20, 900])
def test_extreme_values_make_no_warnings(saved, photo, scale):
    """Where half of the picture is black; warnings are errors here."""
    values = photo * np.float32(scale)
    values[:200] = 0
    picture = open_picture(saved(values))
    diagnosis, plan = plan_to_fix(view_of(picture))
    assert diagnosis.findings and plan.because
