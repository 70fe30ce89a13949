"""What fills holes: rows of the table of methods."""

from restora.core.knobs import Knob
from restora.core.method import Method
from restora.methods.shared_knobs import MASK

ROWS = (
    Method(
        name="navier-stokes",
        entry="restora.methods.navier_stokes:navier_stokes",
        stage="regions",
        about="lines of equal brightness carried on into the hole; for scratches and small holes, at noise too",
        treats=("hole",),
        paper="Bertalmio et al., Navier-Stokes, fluid dynamics, and image and video inpainting, CVPR 2001",
        knobs=(Knob("radius", int, 3, 1, 50, "pixels", "how far around a pixel what is known counts"),),
        halo=lambda knobs: int(knobs["radius"] or 0) + 2,
        inputs=(MASK,),
        memory=45,
        memory_of_hole=100,
    ),
    Method(
        name="biharmonic",
        entry="restora.methods.biharmonic:biharmonic",
        stage="regions",
        about="the smoothest surface through what surrounds the hole; for thin lines and scattered pixels",
        treats=("hole",),
        paper="Damelin and Hoang, On surface completion and image inpainting by biharmonic functions, IJMMS 2018",
        halo=4,
        inputs=(MASK,),
        memory=45,
        memory_of_hole=3000,
    ),
)
