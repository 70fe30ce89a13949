"""Two frames, each moved by half of the optical flow towards the moment between them: a first guess for a net.

The flow is that of OpenCV's DIS: T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016.
"""

import cv2
import numpy as np


def halfway(before: np.ndarray, after: np.ndarray, share: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Both frames (H, W, C), float32, as they look at the moment `share` (0 to 1) of the way from before to after.

    Each is sampled along the flow from it to the other one, which is taken where the pixel is then, not where it was;
    that is exact for flow that changes slowly. Frames must be at least 16 pixels wide and high.
    """
    greys = [np.rint(cv2.cvtColor(_three(each), cv2.COLOR_RGB2GRAY).clip(0, 1) * 255).astype(np.uint8)
             for each in (before, after)]  # fmt: skip
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    forward, backward = dis.calc(greys[0], greys[1], None), dis.calc(greys[1], greys[0], None)
    moved = (
        _sampled(before, -share * _along(forward, share)),
        _sampled(after, -(1 - share) * _along(backward, 1 - share)),
    )
    return moved


def _along(flow: np.ndarray, share: float) -> np.ndarray:
    """The flow of what is at each pixel after this share of the way."""
    return _sampled(flow, -share * flow)


def _sampled(picture: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """The picture (H, W, C) at each pixel plus its offset (H, W, 2) in x and y; the border is continued."""
    height, width = offset.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    sampled = cv2.remap(
        picture, columns + offset[:, :, 0], rows + offset[:, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return sampled.reshape(picture.shape)


def _three(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)), np.float32)
