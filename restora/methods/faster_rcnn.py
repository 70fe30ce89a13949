"""Faster R-CNN: finds damaged regions of a picture, each a box with a class and a score.

S. Ren, K. He, R. Girshick, J. Sun, "Faster R-CNN: towards real-time object detection with region proposal networks",
NIPS 2015; with a feature pyramid (Lin et al., CVPR 2017) on MobileNetV3 (Howard et al., ICCV 2019). The parts are those
of torchvision. Training starts from random weights with small batches, so all normalisation is by groups.
"""

from importlib.util import find_spec
from math import gcd

import torch
from torch import Tensor, nn

from restora.core.errors import MissingExtra

SIZES = ((20, 36), (60, 100), (150, 220), (300, 420))
"""Sides of the anchors in pixels, on each level of the pyramid."""
RATIOS = (0.25, 0.5, 1.0, 2.0)
"""Height to width of the anchors."""
LEVELS = {"6": "0", "12": "1", "14": "2"}
"""Layers of the backbone that the pyramid takes, of strides 8, 16 and 32."""
FOUND = 100
"""The largest number of boxes for a picture."""


class FasterRCNN(nn.Module):
    """y (B, 3, H, W) -> boxes (N, 6) of the first picture: top, left, height, width, class from 0, and score 0..1.

    H and W are multiples of 32. In training, `targets` (B, M, 5) are the boxes with their classes, padded with classes
    of -1, and the result is the sum of the four losses of Faster R-CNN. width: of the backbone, 1 is the original;
    pyramid: channels of the feature pyramid; head: units of the layers that judge a box. Needs torchvision.
    """

    def __init__(
        self, channels: int, classes: int = 5, width: float = 0.75, pyramid: int = 64, head: int = 128
    ) -> None:
        super().__init__()
        if find_spec("torchvision") is None:
            raise MissingExtra(
                "training faster-rcnn needs torchvision; install it with: pip install 'restora[regions]'"
            )
        from torchvision.models import mobilenet_v3_large
        from torchvision.models.detection import FasterRCNN as Reference
        from torchvision.models.detection.anchor_utils import AnchorGenerator
        from torchvision.models.detection.backbone_utils import BackboneWithFPN
        from torchvision.models.detection.faster_rcnn import TwoMLPHead
        from torchvision.ops import MultiScaleRoIAlign

        def by_groups(channels: int) -> nn.Module:
            return nn.GroupNorm(gcd(8, channels), channels)

        layers = mobilenet_v3_large(weights=None, norm_layer=by_groups, width_mult=width).features
        inner = [layers[int(index)].out_channels for index in LEVELS]
        backbone = BackboneWithFPN(layers[: max(map(int, LEVELS)) + 1], LEVELS, inner, pyramid)
        self.net = Reference(
            backbone,
            num_classes=None,
            rpn_anchor_generator=AnchorGenerator(SIZES, (RATIOS,) * len(SIZES)),
            box_roi_pool=MultiScaleRoIAlign(list(LEVELS.values()), 7, 2),
            box_head=TwoMLPHead(pyramid * 7 * 7, head),
            box_predictor=_Predictor(head, classes + 1),
            rpn_pre_nms_top_n_train=500,
            rpn_post_nms_top_n_train=256,
            rpn_pre_nms_top_n_test=300,
            rpn_post_nms_top_n_test=150,
            box_batch_size_per_image=64,
            box_score_thresh=0.05,
            box_nms_thresh=0.4,
            box_detections_per_img=FOUND,
            _skip_resize=True,
        )

    def forward(self, y: Tensor, targets: Tensor | None = None) -> Tensor:
        """The boxes, or with targets the loss."""
        if targets is not None:
            losses: dict[str, Tensor] = self.net(list(y.clamp(0, 1)), [_target(each) for each in targets])
            return torch.stack(list(losses.values())).sum()
        found = self.net([y[0]])[0]
        corners = found["boxes"]
        top_left = corners[:, :2].flip(1)
        size = (corners[:, 2:] - corners[:, :2]).flip(1)
        rest = (found["labels"].to(size.dtype) - 1)[:, None], found["scores"][:, None]
        return torch.cat([top_left, size, *rest], 1)


class _Predictor(nn.Module):
    """Scores of the classes, of which the first is undamaged, and a correction of the box for each."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.cls_score, self.bbox_pred = nn.Linear(features, classes), nn.Linear(features, 4 * classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x.flatten(1)), self.bbox_pred(x.flatten(1))


def _target(regions: Tensor) -> dict[str, Tensor]:
    """The regions of a picture (M, 5) as torchvision takes them: corners x, y, x, y, and classes from 1."""
    real = regions[regions[:, 4] >= 0]
    top, left, height, width, kind = real.unbind(1)
    return {"boxes": torch.stack([left, top, left + width, top + height], 1), "labels": kind.long() + 1}
