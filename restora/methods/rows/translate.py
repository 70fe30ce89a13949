"""Methods that translate pictures of one kind into another: rows of the table of methods."""

from restora.core.inputs import Input
from restora.core.method import Method

REFERENCE = Input("reference", "picture", "a picture whose colours the result shall have")

ROWS = (
    Method(
        name="pix2pix",
        entry="restora.methods.pix2pix:Pix2Pix",
        stage="net",
        about="learned from pairs of pictures with a critic; for damage without a formula, such as old prints",
        treats=("translation",),
        paper="Isola et al., Image-to-image translation with conditional adversarial networks, CVPR 2017",
        halo=None,
        multiple=128,
        channels=3,
        memory=460,
        weights=("pix2pix.oldphoto",),
    ),
    Method(
        name="cyclegan",
        entry="restora.methods.cyclegan:CycleGAN",
        stage="net",
        about="learned from two folders of pictures that are not pairs; for weights that you train",
        treats=("translation",),
        paper="Zhu et al., Unpaired image-to-image translation using cycle-consistent adversarial networks, ICCV 2017",
        halo=None,
        multiple=4,
        channels=3,
        memory=300,
    ),
    Method(
        name="colour-transfer",
        entry="restora.methods.colour_transfer:colour_transfer",
        stage="whole",
        about="gives a picture the mean and the spread of the colours of another; no training",
        treats=("translation",),
        paper="Reinhard et al., Color transfer between images, IEEE Computer Graphics and Applications 2001",
        channels=3,
        inputs=(REFERENCE,),
        memory=100,
    ),
)
