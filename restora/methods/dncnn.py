"""DnCNN (Zhang et al., 2017): a CNN f predicts the noise, and the restored image is x_hat = y - f(y).

f is depth 3x3 convolutions of `width` channels with ReLU between them (paper: sec. III-A, depth 17, width 64).
The paper's batch normalisation is an affine map once trained and merges into the convolution before it; this is
that merged net. It is trained without batch normalisation: orthogonalised steps (Muon) do not need it.

K. Zhang et al., "Beyond a Gaussian denoiser: residual learning of deep CNN for image denoising", IEEE TIP 2017.
"""

from torch import Tensor, nn

from restora.nets.blocks import chain


class DnCNN(nn.Module):
    """(B, C, H, W) noisy to (B, C, H, W) restored, any H and W; reach `depth` pixels.

    residual: 1 if f predicts the noise; 0 if it predicts x, as nets before DnCNN did; for comparison only.
    """

    def __init__(self, channels: int = 1, depth: int = 17, width: int = 64, residual: int = 1) -> None:
        super().__init__()
        self.noise = chain(channels, depth, width)
        self.residual = residual

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y - f(y), or -f(y) if residual is 0."""
        return y - self.noise(y) if self.residual else -self.noise(y)
