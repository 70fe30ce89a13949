"""The published FFDNet in our loop of plug-and-play: the loop works with another denoiser, and ours is near to it."""

import pytest
import torch

import restora
from restora.damage.blur import MotionBlur
from restora.data.sets import test_set as named_set
from restora.files.picture import read
from restora.methods.plug_and_play import plug_and_play
from tests.methods import published
from tests.methods.test_deblur import blurred, psnr

SIGMA = 2.55 / 255


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 1])
def test_the_loop_with_ffdnet_and_with_our_prior_agree(shared, index):
    """Measured on these pictures: 25.6 and 31.2 dB by total variation, 28.1 and 31.9 with our prior, 29.3 and 32.2 with
    FFDNet, whose first iterates have 24.9 and 29.0."""
    x, kernel = read(named_set("Set12").paths[index]).pixels[40:200, 40:200], MotionBlur(11, 30).kernel()
    y = blurred(x, kernel, SIGMA)

    def ffdnet(z, level):
        with torch.inference_mode():
            net = published.ffdnet(shared / "weights", 255 * level)
            z[:, :, 0] = net(torch.from_numpy(z[:, :, 0].copy())[None, None])[0, 0].numpy()

    theirs, first = (psnr(plug_and_play(y, kernel, SIGMA, rounds, denoise=ffdnet).x_hat, x) for rounds in (8, 1))
    ours, by_variation = (
        psnr(restora.deblur(y, kernel, SIGMA, method=method).image, x)
        for method in ("plug-and-play", "tv-deconvolution")
    )
    assert min(ours, theirs) > by_variation + 0.4
    assert theirs > first + 2
    assert theirs - 1.5 < ours < theirs + 0.5
