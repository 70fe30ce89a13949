"""DnCNN (Zhang et al., 2017): a CNN f sees the noise, and the restored image is x_hat = y - f(y).

f is depth 3x3 convolutions of `width` channels with ReLU between them (paper: sec. III-A, depth 17, width 64).
The paper's batch normalisation is an affine map once trained and merges into the convolution before it; this is
that merged net. It is trained without batch normalisation: orthogonalised steps (Muon) do without it.

K. Zhang et al., "Beyond a Gaussian denoiser: residual learning of deep CNN for image denoising", IEEE TIP 2017.
"""

from torch import Tensor, nn

from restora.nets.blocks import silence


class DnCNN(nn.Module):
    """(B, C, H, W) noisy to (B, C, H, W) restored, any H and W; reach `depth` pixels."""

    def __init__(self, channels: int = 1, depth: int = 17, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True)]
        layers.append(nn.Conv2d(width, channels, 3, padding=1))
        for layer in layers[:-1]:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        silence(layers[-1])  # type: ignore[arg-type]
        self.noise = nn.Sequential(*layers)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y - f(y)."""
        return y - self.noise(y)
