"""Probe a net: its receptive field and its grid, from its output, not from its layers.

A pixel that is NaN spreads to everything computed from it, for any weights: convolutions, attention, global means. So
one run shows everything that a pixel can affect, without vanishing gradients and without paths that a ReLU happens to
close.
"""

from collections.abc import Callable

import torch

Net = Callable[[torch.Tensor], torch.Tensor]
"""(1, C, H, W) -> (1, C, scale H, scale W)."""

FARTHEST = 2048
"""Maximum extent in pixels of a receptive field; a net beyond it counts as seeing the whole picture."""
WIDEST_GRID = 64
EQUAL = 1e-5
"""Maximum difference of equal results, on the 0..1 scale; the guarantee of exact tiling."""


@torch.inference_mode()
def probed_reach(net: Net, channels: int, scale: int, multiple: int, least: int) -> int | None:
    """Distance in pixels at which pixels can affect a block that is aligned to the multiple; None: the whole picture.

    It is a multiple of the multiple, as tiles are. least: minimum side in pixels.
    """
    reach, size = 0, multiple * max(8, 128 // multiple)
    farthest = max(size, FARTHEST)
    for axis in (2, 3):
        while (far := _reach_within(net, channels, scale, multiple, least, (axis, size))) == size:
            size *= 2
            if size > farthest:
                return None
        if far is None:
            return None  # it hides NaN: nothing can be measured
        reach = max(reach, far)
    return reach


def _reach_within(net: Net, channels: int, scale: int, multiple: int, least: int, strip: tuple[int, int]) -> int | None:
    """In a strip along an (axis, length in pixels): the reach; the length if it does not end inside; None if nothing is
    reached."""
    axis, size = strip
    y = _strip(channels, size, _side(multiple, least), axis)
    start = size // 2 // multiple * multiple
    y.narrow(axis, start, multiple).fill_(torch.nan)
    #  Fast convolution algorithms for small kernels mix neighbouring outputs internally, and would spread NaN.
    with torch.backends.nnpack.flags(enabled=False):
        touched = net(y).isnan().transpose(0, axis).flatten(1).any(1).nonzero().flatten() // scale
    if not len(touched):
        return None
    first, last = (int(touched[end]) // multiple * multiple for end in (0, -1))
    inside = first >= 2 * multiple and last < size - 2 * multiple
    return max(start - first, last - start) if inside else size


@torch.inference_mode()
def probed_multiple(net: Net, channels: int, scale: int, multiple: int, least: int, reach: int) -> int | None:
    """The smallest shift, a multiple of `multiple`, that shifts the output and changes nothing else; None if none does.

    reach: the receptive radius of the net, or more.
    """
    margin = -(-(reach + WIDEST_GRID) // multiple) * multiple
    side = _side(multiple, least)
    shifts = range(multiple, max(multiple, WIDEST_GRID) + 1, multiple)
    fitting = set(shifts)
    for axis in (2, 3):
        y = _strip(channels, 2 * margin + 4 * WIDEST_GRID * multiple, side, axis)
        whole = net(y)
        for shift in shifts:
            if shift not in fitting:
                continue
            length = y.shape[axis] - shift
            part = net(y.narrow(axis, shift, length))
            inner = scale * margin, scale * (length - 2 * margin)
            apart = (part.narrow(axis, *inner) - whole.narrow(axis, scale * shift + inner[0], inner[1])).abs().max()
            if not apart <= EQUAL:  # also if it is NaN
                fitting.discard(shift)
            else:
                fitting -= {other for other in fitting if other > shift and other % shift}
                break
    return min(fitting, default=None)


def _side(multiple: int, least: int) -> int:
    """The width of a strip: the reach does not depend on it."""
    return -(-max(2 * multiple, least, 16) // multiple) * multiple


def _strip(channels: int, size: int, side: int, axis: int) -> torch.Tensor:
    shape = [1, channels, side, side]
    shape[axis] = size
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
