"""SRCNN (Dong et al., 2014): three convolutions that sharpen the result of bicubic interpolation.

The first finds patterns, the second maps them to patterns of the large picture, the third reconstructs the pixels:
f(y) = f3(relu(f2(relu(f1(y))))), sides 9, 5 and 5, widths 64 and 32: 57,281 parameters, not the 57 millions that a
survey of the field gives. It works on luma.

Unlike in the paper, f is the change of y, and starts at zero.

C. Dong, C. C. Loy, K. He, X. Tang, "Image super-resolution using deep convolutional networks", IEEE TPAMI 2016.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from restora.nets.blocks import begun, silence


class SRCNN(nn.Module):
    """(B, C, H, W) made larger to (B, C, H, W) sharpened, any H and W; reach 8 with the default sides."""

    def __init__(self, channels: int = 1, sides: Sequence[int] = (9, 5, 5)) -> None:
        super().__init__()
        first, second, third = sides
        self.layers = nn.Sequential(
            begun(nn.Conv2d(channels, 64, first, padding=first // 2)),
            nn.ReLU(inplace=True),
            begun(nn.Conv2d(64, 32, second, padding=second // 2)),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, channels, third, padding=third // 2),
        )
        silence(self.layers[-1])  # type: ignore[arg-type]

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y + f(y)."""
        return y + self.layers(y)
