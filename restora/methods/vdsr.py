"""VDSR (Kim et al., 2016): x_hat = y + f(y), y the picture enlarged bicubically, f twenty 3x3 convolutions.

One net serves scales 2, 3 and 4 (paper: sec. 4.3): the picture has its size already, and f sees how blurred it is.
665 thousand parameters, clipped gradients (sec. 3.2). It works on luma, as the paper does.

J. Kim, J. K. Lee, K. M. Lee, "Accurate image super-resolution using very deep convolutional networks", CVPR 2016.
"""

from torch import Tensor, nn

from restora.nets.blocks import begun, silence


class VDSR(nn.Module):
    """(B, C, H, W) enlarged to (B, C, H, W) sharp, any H and W; reach `depth` pixels."""

    def __init__(self, channels: int = 1, depth: int = 20, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [begun(nn.Conv2d(channels, width, 3, padding=1)), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [begun(nn.Conv2d(width, width, 3, padding=1)), nn.ReLU(inplace=True)]
        last = nn.Conv2d(width, channels, 3, padding=1)
        silence(last)
        self.lacking = nn.Sequential(*layers, last)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y + f(y)."""
        return y + self.lacking(y)
