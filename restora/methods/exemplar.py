"""Exemplar-based inpainting: the hole is filled with patches copied from elsewhere in the picture.

PatchMatch finds, for each patch that overlaps the hole, a similar one in the surroundings; the patches found vote for
the colour of each missing pixel. This is repeated from a small picture to the full size. It continues texture into
large holes, but it copies what is there: it does not know what an object looks like. Works with 8 bits: filled values
have 256 levels over the range of the known pixels. Calls the package pypatchmatch, which is installed separately.

C. Barnes, E. Shechtman, A. Finkelstein, D. B. Goldman, "PatchMatch: a randomized correspondence algorithm for
structural image editing", SIGGRAPH 2009.
Y. Wexler, E. Shechtman, M. Irani, "Space-time completion of video", IEEE TPAMI 2007.
"""

import numpy as np

from restora.core.errors import MissingExtra
from restora.nets.levels import flat, levels


def exemplar(y: np.ndarray, mask: np.ndarray, patch: int) -> np.ndarray:
    """y (H, W, C) filled where mask (H, W) is True; patches have a side of 2 patch + 1 pixels.

    The search is random with a fixed seed. Raises MissingExtra without the package.
    """
    try:
        import patchmatch
    except ModuleNotFoundError as error:
        raise MissingExtra("exemplar needs a package; install it with: pip install pypatchmatch") from error
    if (found := levels(y, mask, 0, 255)) is None:
        return flat(y, mask)
    whole, back = found
    channels = y.shape[2]
    patchmatch.set_random_seed(0)
    filled = patchmatch.inpaint(np.repeat(whole, 3 // channels, axis=2), mask, patch_size=patch)
    return back(filled[:, :, :channels])
