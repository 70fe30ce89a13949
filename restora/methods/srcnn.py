"""SRCNN (Dong et al., 2014): x_hat = f(y), y the picture enlarged bicubically, f three convolutions.

9x9 convolutions see patches, 5x5 ones map them without looking at more than their neighbours, 5x5 ones put the picture
together (paper: sec. 3, the 9-5-5 net of sec. 4.3.2, 64 and 32 channels): 57,281 parameters. It works on luma, as the
paper does; colour is left as bicubic interpolation has it.

Here f gives what y lacks, x_hat = y + f(y): the paper's net has to carry y through its layers.

C. Dong, C. C. Loy, K. He, X. Tang, "Image super-resolution using deep convolutional networks", IEEE TPAMI 2016.
"""

from torch import Tensor, nn

from restora.nets.blocks import begun, silence


class SRCNN(nn.Module):
    """(B, C, H, W) enlarged to (B, C, H, W) sharp, any H and W; reach 8 pixels."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.see = begun(nn.Conv2d(channels, 64, 9, padding=4))
        self.map = begun(nn.Conv2d(64, 32, 5, padding=2))
        self.build = nn.Conv2d(32, channels, 5, padding=2)
        silence(self.build)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y + f(y)."""
        return y + self.build(self.map(self.see(y).relu()).relu())
