"""Methods that see several frames of a clip: rows of the table of methods."""

from restora.core.method import Method

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
