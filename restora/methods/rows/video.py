"""Methods that see several frames of a clip: rows of the table of methods."""

from restora.core.knobs import Knob
from restora.core.method import Method
from restora.methods.shared_knobs import SIGMA

ROWS = (
    Method(
        name="temporal",
        entry="restora.methods.restora:Restora",
        stage="net",
        about="removes noise from a clip: five frames read together, without optical flow; steadier than one by one",
        treats=("clips",),
        paper="Tassano et al., FastDVDnet, CVPR 2020, for reading frames together; the net is the small flagship",
        halo=144,
        multiple=8,
        channels=3,
        memory=330,
        weights=("temporal.clip",),
    ),
    Method(
        name="mctf",
        entry="restora.methods.mctf:mctf",
        stage="whole",
        about="removes noise from a clip, fast: frames moved onto each other by optical flow are averaged; no net",
        treats=("clips",),
        paper="Dubois and Sabri, IEEE Trans. Communications 1984; flow: Kroeger et al., DIS, ECCV 2016",
        knobs=(SIGMA, Knob("reach", int, 2, 1, 4, "frames", "before and after each frame; more is slower")),
        around=lambda knobs: int(knobs["reach"] or 0),
        memory=lambda knobs: 100 + 30 * int(knobs["reach"] or 0),
    ),
    Method(
        name="tgan",
        entry="restora.methods.tgan:TGAN",
        stage="net",
        about="makes frames between others: 3-D convolutions choose among frames moved by optical flow",
        treats=("clips",),
        paper="Saito et al., Temporal generative adversarial nets, ICCV 2017; Liu et al., Deep voxel flow, ICCV 2017",
        halo=72,
        multiple=8,
        channels=3,
        memory=700,
        weights=("tgan.clip",),
    ),
)
