import numpy as np
import pytest

from restora.damage.words import KINDS


@pytest.mark.parametrize("kind", list(KINDS["scene"]), ids=lambda kind: kind.kind)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_scene_changes_the_picture_and_stays_in_its_range(kind, channels):
    x = np.random.default_rng(0).uniform(0.3, 0.6, (96, 120, channels)).astype(np.float32)
    y = kind().apply(x, np.random.default_rng(1))
    assert y.shape == x.shape and y.dtype == np.float32 and np.isfinite(y).all()
    assert (np.abs(y - x) > 0.02).any(2).mean() > 0.01 and y.min() >= -0.1 and y.max() <= 1.1
