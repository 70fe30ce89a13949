"""The distance between two sets of pictures, from features of each: do they look like pictures of one kind?"""

import numpy as np


def kernel_distance(features: np.ndarray, others: np.ndarray) -> float:
    """The squared maximum mean discrepancy of two sets of features (n, d) and (m, d), n and m at least 2.

    The kernel is (cosine + 1)^3 of the angle between two features. The estimate is unbiased: 0 on average for two sets
    of one kind, so it may be slightly negative, and it does not depend on the number of pictures, unlike the Fréchet
    distance. After M. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, who do not normalise the features, so the
    values differ from theirs.
    """
    a, b = (each / (np.linalg.norm(each, axis=1, keepdims=True) + 1e-12) for each in (features, others))

    def kernel(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.asarray((left.astype(np.float64) @ right.T + 1) ** 3)

    within = [(same.sum() - np.trace(same)) / (len(same) * (len(same) - 1)) for same in (kernel(a, a), kernel(b, b))]
    return float(sum(within) - 2 * kernel(a, b).mean())
