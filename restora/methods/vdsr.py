"""VDSR (Kim et al., 2016): twenty convolutions predict the detail that bicubic interpolation lacks, x_hat = y + f(y).

f is depth 3x3 convolutions of `width` channels with ReLU between them; one net for all scales. It works on luma.
Gradients are clipped by their norm (the paper: each by its value).

J. Kim, J. K. Lee, K. M. Lee, "Accurate image super-resolution using very deep convolutional networks", CVPR 2016.
"""

from torch import Tensor, nn

from restora.nets.blocks import chain


class VDSR(nn.Module):
    """(B, C, H, W) made larger to (B, C, H, W) sharpened, any H and W; reach `depth` pixels."""

    def __init__(self, channels: int = 1, depth: int = 20, width: int = 64) -> None:
        super().__init__()
        self.detail = chain(channels, depth, width)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y + f(y)."""
        return y + self.detail(y)
