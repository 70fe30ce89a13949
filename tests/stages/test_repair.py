import numpy as np
import pytest

from restora.damage.regions import Regions
from restora.methods.navier_stokes import navier_stokes
from restora.stages.repair import letters_in, lines_in, lost_blocks_in, rim_weights


def regions_of(kind, photo, count=40):
    """Damaged parts, each with the clean one."""
    for seed in range(count):
        y, regions = Regions(1, 1, kind).marked(photo, np.random.default_rng(seed))
        for top, left, height, width, _ in regions:
            place = slice(top, top + height), slice(left, left + width)
            yield np.ascontiguousarray(y[place]), photo[place]


FINDERS = {"overlay": letters_in, "scratches": lines_in, "blocks": lost_blocks_in}
LEAST = {"overlay": 3.0, "scratches": 1.0, "blocks": 3.0}
"""Least median gain of PSNR in dB from filling what was found."""


@pytest.mark.parametrize("kind", FINDERS)
def test_filling_what_is_found_brings_a_damaged_part_nearer_to_the_clean_one(photo, kind):
    gains = []
    for y, x in regions_of(kind, photo):
        mask = FINDERS[kind](y)
        if not mask.all():
            x_hat = navier_stokes(y, mask, 3) if mask.any() else y
            gains.append(10 * np.log10(np.mean((y - x) ** 2) / np.mean((x_hat - x) ** 2)))
    assert len(gains) >= 15 and np.median(gains) > LEAST[kind]


@pytest.mark.parametrize("finder", FINDERS.values())
@pytest.mark.parametrize("size", [(1, 1), (3, 40), (64, 64)])
def test_parts_of_any_size_are_looked_at(finder, size):
    part = np.random.default_rng(0).random((*size, 3), np.float32)
    assert finder(part).shape == size and finder(part).dtype == bool


def test_a_flat_part_has_no_marks():
    part = np.full((50, 60, 3), 0.4, np.float32)
    assert not letters_in(part).any() and not lines_in(part).any()


def test_the_rim_of_a_box_fades_and_its_middle_does_not():
    weights = rim_weights(30, 40, 4)[:, :, 0]
    assert weights.shape == (30, 40) and (weights[5:-5, 5:-5] == 1).all() and (weights[0] == np.float32(0.2)).all()
    assert np.array_equal(weights, weights[::-1, ::-1]) and (rim_weights(5, 5, 0) == 1).all()
