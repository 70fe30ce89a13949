"""Methods that find damaged regions and repair only these: rows of the table of methods."""

from restora.core.inputs import Input, Product
from restora.core.knobs import Knob
from restora.core.method import Method

BOXES = Input(
    "boxes",
    "boxes",
    "the regions to repair instead of those found: x,y,width,height; ... in pixels, or a JSON file as kept by --keep",
    required=False,
)

ROWS = (
    Method(
        name="faster-rcnn",
        entry="restora.methods.faster_rcnn:FasterRCNN",
        stage="detect",
        about="finds scratches, blotches, blur, letters and lost blocks in boxes, and repairs each box by its kind",
        treats=("regions",),
        paper="Ren et al., Faster R-CNN: towards real-time object detection with region proposal networks, NIPS 2015",
        knobs=(
            Knob("score", float, 0.9, 0.05, 1, "0..1", "least score of a region; lower finds more, less certain ones"),
            Knob("feather", int, 6, 0, 64, "pixels", "width of the rim of a box in which the repair fades in"),
        ),
        multiple=32,
        channels=3,
        memory=60,
        weights=("faster-rcnn.regions",),
        inputs=(BOXES,),
        products=(Product("boxes", "boxes", "the repaired regions: top, left, height, width"),),
    ),
)
