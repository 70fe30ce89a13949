"""Denoising autoencoder: the picture passes through a small code that cannot hold the noise; x_hat = d(e(y)).

The encoder e halves the picture at each width (convolution, then a convolution of stride 2), the decoder d mirrors it;
there are no skip connections, unlike in U-Net, so the net must redraw the picture, not correct it. This is
the convolutional form of the stacked denoising autoencoders of

J. Xie, L. Xu and E. Chen, "Image denoising and inpainting with deep neural networks", NIPS 2012.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from restora.nets.blocks import begun


class Autoencoder(nn.Module):
    """(B, C, H, W) noisy to (B, C, H, W) restored; H and W multiples of 2 ** len(widths)."""

    def __init__(self, channels: int = 1, widths: Sequence[int] = (48, 96)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for width in widths:
            layers += [*_layer(inputs, width), *_layer(width, width, stride=2)]
            inputs = width
        for width in reversed(widths):
            layers += [*_layer(inputs, width), nn.ConvTranspose2d(width, width, 2, stride=2), nn.ReLU(inplace=True)]
            inputs = width
        self.through = nn.Sequential(*layers, *_layer(inputs, inputs), nn.Conv2d(inputs, channels, 3, padding=1))

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = d(e(y))."""
        return self.through(y)


def _layer(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [begun(nn.Conv2d(inputs, outputs, 3, stride, padding=1)), nn.ReLU(inplace=True)]
