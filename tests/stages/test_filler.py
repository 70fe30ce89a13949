"""The filler: what is deep in a hole comes from a smaller picture, and known pixels count as they are."""

import numpy as np

from restora.stages.filler import REACH, coarse_to_fine, halved


def hole(side, thick):
    mask = np.zeros((side, side), bool)
    middle = slice((side - thick) // 2, (side + thick) // 2)
    mask[middle, middle] = True
    return mask


class Means:
    """Fills with the mean of the known pixels, and remembers how wide the holes were that it was given."""

    def __init__(self):
        self.sizes, self.shares = [], []

    def __call__(self, y, mask):
        self.sizes.append(mask.shape[0])
        self.shares.append(mask.mean())
        return np.where(mask[:, :, None], y[~mask].mean(0), y)


def test_a_small_hole_is_filled_once_at_full_size():
    fill, mask = Means(), hole(256, 2 * REACH - 2)
    coarse_to_fine(fill, np.random.default_rng(0).random((256, 256, 3), np.float32), mask)
    assert fill.sizes == [256] and fill.shares == [mask.mean()]


def test_a_large_hole_is_filled_from_small_to_large_and_only_its_rim_at_full_size():
    fill, mask = Means(), hole(512, 6 * REACH)
    y = np.where(mask[:, :, None], np.float32(9), np.random.default_rng(0).random((512, 512, 3), np.float32))
    x_hat = coarse_to_fine(fill, y, mask)
    assert fill.sizes == [128, 256, 512]
    assert fill.shares[2] < 0.7 * mask.mean()  # what is deep is known by then
    assert np.array_equal(x_hat[~mask], y[~mask]) and x_hat[mask].max() < 1


def test_a_flat_picture_stays_flat_at_odd_sizes_and_up_to_the_border():
    mask = np.zeros((301, 257), bool)
    mask[:200, :150] = True
    x_hat = coarse_to_fine(Means(), np.where(mask, 0, 0.25).astype(np.float32)[:, :, None], mask)
    assert np.abs(x_hat - 0.25).max() < 1e-6


def test_half_the_size_holds_means_of_known_pixels_and_misses_blocks_without_any():
    y = np.arange(24, dtype=np.float32).reshape(4, 6, 1)
    mask = np.zeros((4, 6), bool)
    mask[:2, :2] = mask[2, 4] = True
    small, missing = halved(np.where(mask[:, :, None], 99, y), mask)
    assert missing.tolist() == [[True, False, False], [False, False, False]]
    assert small[1, 2, 0] == (17 + 22 + 23) / 3 and small[0, 1, 0] == (2 + 3 + 8 + 9) / 4


def test_odd_sides_are_continued():
    small, missing = halved(np.full((5, 7, 2), 0.5, np.float32), np.zeros((5, 7), bool))
    assert small.shape == (3, 4, 2) and (small == 0.5).all() and not missing.any()
