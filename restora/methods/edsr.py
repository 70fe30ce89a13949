"""EDSR (Lim et al., 2017): residual blocks at the small size, then one upscaling step.

x_hat = exit(larger(h + body(h))), h = door(y). A block is x + share * conv(relu(conv(x))), without normalisation.
A factor r of 2 or 3 is a convolution to r^2 times more channels, then a pixel shuffle (Shi et al., 2016); 4 is 2,
applied twice. The default is the paper's baseline (16 blocks of 64 channels); 32 blocks of 256 with
share 0.1 are its net of 43 million parameters.

Unlike in the paper, the mean colour is not subtracted and added again.

B. Lim et al., "Enhanced deep residual networks for single image super-resolution", CVPR workshops 2017.
"""

from torch import Tensor, nn

from restora.nets.blocks import ResidualBlock


class EDSR(nn.Module):
    """(B, C, H, W) to (B, C, scale * H, scale * W), any H and W; scale 2, 3 or 4."""

    def __init__(
        self, channels: int = 3, scale: int = 2, blocks: int = 16, width: int = 64, share: float = 1.0
    ) -> None:
        super().__init__()
        self.door = nn.Conv2d(channels, width, 3, padding=1)
        self.body = nn.Sequential(
            *[ResidualBlock(width, share) for _ in range(blocks)], nn.Conv2d(width, width, 3, padding=1)
        )
        self.larger = nn.Sequential()
        for factor in {2: (2,), 3: (3,), 4: (2, 2)}[scale]:
            self.larger.append(nn.Conv2d(width, width * factor**2, 3, padding=1))
            self.larger.append(nn.PixelShuffle(factor))
        self.exit = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat."""
        features = self.door(y)
        return self.exit(self.larger(features + self.body(features)))
