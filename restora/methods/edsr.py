"""EDSR (Lim et al., 2017): residual blocks without normalisation at the small size, pixel-shuffle at the end.

The baseline of the paper has 16 blocks of 64 channels (sec. 3.2): 1.37 million parameters at x2; the large net 32
blocks of 256 channels whose residuals are scaled by 0.1: 40.7 million at x2, 43.1 at x4. A x3 or x4 net begins from
the x2 net's blocks (sec. 3.3).

Here the enlarged picture itself (each pixel repeated) is added at the end, so that the net only gives what it lacks.

B. Lim, S. Son, H. Kim, S. Nah, K. M. Lee, "Enhanced deep residual networks for single image super-resolution",
CVPR workshops 2017.
"""

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from restora.nets.blocks import ResidualBlock, silence


class EDSR(nn.Module):
    """(B, C, H, W) to (B, C, s H, s W) for a scale s of 2, 3 or 4, any H and W."""

    def __init__(
        self, channels: int = 3, scale: int = 2, blocks: int = 16, width: int = 64, share: float = 1.0
    ) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(channels, width, 3, padding=1)
        self.body = nn.Sequential(*[ResidualBlock(width, share) for _ in range(blocks)])
        self.body_end = nn.Conv2d(width, width, 3, padding=1)
        steps = {2: (2,), 3: (3,), 4: (2, 2)}[scale]
        layers: list[nn.Module] = []
        for step in steps:
            layers += [nn.Conv2d(width, width * step**2, 3, padding=1), nn.PixelShuffle(step)]
        self.enlarge = nn.Sequential(*layers)
        self.exit = nn.Conv2d(width, channels, 3, padding=1)
        silence(self.exit)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat, s times larger than y."""
        seen = self.head(y)
        seen = seen + self.body_end(self.body(seen))
        repeated = pixel_shuffle(y.repeat_interleave(self.scale**2, 1), self.scale)
        return repeated + self.exit(self.enlarge(seen))
