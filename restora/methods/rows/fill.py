"""Methods that fill holes: rows of the table of methods."""

from restora.core.knobs import Knob
from restora.core.method import Method
from restora.methods.shared_knobs import MASK

ROWS = (
    Method(
        name="navier-stokes",
        entry="restora.methods.navier_stokes:navier_stokes",
        stage="regions",
        about="continues lines of equal brightness into the hole; for scratches and small holes, even in noise",
        treats=("hole",),
        paper="Bertalmio et al., Navier-Stokes, fluid dynamics, and image and video inpainting, CVPR 2001",
        knobs=(Knob("radius", int, 3, 1, 50, "pixels", "distance within which known pixels count"),),
        halo=lambda knobs: int(knobs["radius"] or 0) + 2,
        inputs=(MASK,),
        memory=45,
        memory_of_hole=100,
    ),
    Method(
        name="biharmonic",
        entry="restora.methods.biharmonic:biharmonic",
        stage="regions",
        about="the smoothest surface through the surroundings of the hole; for thin lines and scattered pixels",
        treats=("hole",),
        paper="Damelin and Hoang, On surface completion and image inpainting by biharmonic functions, IJMMS 2018",
        halo=4,
        inputs=(MASK,),
        memory=45,
        memory_of_hole=3000,
    ),
)
