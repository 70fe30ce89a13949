"""Methods that remove the blocks of JPEG, and nothing else: rows of the table of methods."""

from restora.core.method import Method
from restora.methods.shared_knobs import QUALITY

ROWS = (
    Method(
        name="shifted-jpeg",
        entry="restora.methods.shifted_jpeg:shifted_jpeg",
        stage="local",
        about="the mean of JPEG applied again at every position of its grid; weakens block edges and ringing",
        treats=("jpeg",),
        paper="Nosratinia, Enhancement of JPEG-compressed images by re-application of JPEG,"
        " Journal of VLSI Signal Processing 2001",
        knobs=(QUALITY,),
        halo=7,
        memory=160,
    ),
)
