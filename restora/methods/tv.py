"""Total variation (Rudin, Osher and Fatemi, 1992; Chambolle, 2004): min_x |x - y|^2 / 2 + weight |grad x|."""

import numpy as np
from skimage.restoration import denoise_tv_chambolle


def tv(y: np.ndarray, sigma: float) -> np.ndarray:
    """y (H, W, C) with reduced total variation, the weight equal to the noise sigma."""
    if sigma == 0:
        return y
    return denoise_tv_chambolle(y, weight=sigma, max_num_iter=200, channel_axis=2).astype(np.float32)
