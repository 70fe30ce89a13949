"""Methods that find what is to be filled: rows of the table of methods."""

from restora.core.method import Method

ROWS = (
    Method(
        name="mark-finder",
        entry="restora.methods.attention_unet:MarkFinder",
        stage="find",
        about="finds scratches, creases, dust, blotches, tears and letters, for the input mask of methods that fill",
        treats=("marks",),
        paper="Oktay et al., Attention U-Net, MIDL 2018; loss: Milletari, Navab and Ahmadi, V-Net, 3DV 2016",
        halo=128,
        multiple=16,
        channels=3,
        memory=700,
        weights=("mark-finder.photo",),
    ),
)
