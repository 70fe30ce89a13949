"""Context encoder: an encoder-decoder that invents what is missing from what surrounds it; x_hat = d(b(e(y, mask))).

The encoder halves the picture four times, the decoder doubles it again, and there are no skip connections: all that the
decoder knows has passed the bottleneck b. In the paper b connects all positions within each channel (a channel-wise
fully connected layer), which fixes the size of the picture. Here it is a convolution within each channel, of
REACH x REACH positions of 16 pixels, so that pictures of any size can be filled and tiles are exact; then, as in the
paper, a 1x1 convolution connects the channels. The paper puts the mean colour into the hole; here it holds a smooth
surface (nets/first_guess.py), as for the other nets. Trained with the squared error and a critic.

D. Pathak, P. Krähenbühl, J. Donahue, T. Darrell, A. A. Efros, "Context encoders: feature learning by inpainting", CVPR
2016.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from restora.nets.blocks import begun

REACH = 9


class ContextEncoder(nn.Module):
    """(B, C + 1, H, W), a first guess and a plane where 1 = missing, to (B, C, H, W) filled.

    H and W are multiples of 2 ** len(widths).

    masked: 1; a net without the mask does not exist. The knob is there because recipes describe input planes by knobs.
    """

    def __init__(self, channels: int = 3, widths: Sequence[int] = (32, 64, 96, 128), masked: int = 1) -> None:
        super().__init__()
        self.channels = channels
        ins, outs = [channels + masked, *widths[:-1]], [widths[0], *widths[:-1]]
        deep = widths[-1]
        encoder = [layer for pair in zip(ins, widths, strict=True) for layer in _halving(*pair)]
        decoder = [layer for pair in reversed(list(zip(widths, outs, strict=True))) for layer in _doubling(*pair)]
        within = nn.Conv2d(deep, deep, REACH, padding=REACH // 2, groups=deep)
        bottleneck = [within, begun(nn.Conv2d(deep, deep, 1)), nn.ReLU(inplace=True)]
        self.through = nn.Sequential(*encoder, *bottleneck, *decoder, nn.Conv2d(widths[0], channels, 3, padding=1))

    def forward(self, y: Tensor) -> Tensor:
        """x_hat; known pixels are those of y."""
        missing = y[:, self.channels :]
        return y[:, : self.channels] * (1 - missing) + missing * self.through(y)


def _halving(inputs: int, outputs: int) -> list[nn.Module]:
    return [begun(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)), nn.ReLU(inplace=True)]


def _doubling(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
