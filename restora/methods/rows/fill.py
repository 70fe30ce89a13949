"""What fills holes: rows of the table of methods."""

from restora.core.knobs import Knob
from restora.core.method import Method

ROWS = (
    Method(
        name="navier-stokes",
        entry="restora.methods.navier_stokes:navier_stokes",
        kind="filling",
        about="lines of equal brightness carried on into the hole; for scratches and small holes, at noise too",
        treats=("hole",),
        paper="Bertalmio et al., Navier-Stokes, fluid dynamics, and image and video inpainting, CVPR 2001",
        knobs=(Knob("radius", int, 3, 1, 50, "pixels", "how far around a pixel what is known counts"),),
        memory=45,
        memory_of_hole=100,
    ),
    Method(
        name="biharmonic",
        entry="restora.methods.biharmonic:biharmonic",
        kind="filling",
        about="the smoothest surface through what surrounds the hole; for thin lines and scattered pixels",
        treats=("hole",),
        paper="Damelin and Hoang, On surface completion and image inpainting by biharmonic functions, IJMMS 2018",
        memory=45,
        memory_of_hole=3000,
    ),
)
