"""Methods that correct faded and yellowed colours: rows of the table of methods."""

from restora.core.knobs import Knob
from restora.core.method import Method

COLOURS = ("red", "green", "blue")
BLACK = tuple(
    Knob(f"black_{colour}", float, None, 0, 0.45, "0..1 scale", f"{colour} of black; measured if not given", "fading")
    for colour in COLOURS
)
WHITE = tuple(
    Knob(f"white_{colour}", float, None, 0.4, 1, "0..1 scale", f"{colour} of white; measured if not given", "yellowing")
    for colour in COLOURS
)

ROWS = (
    Method(
        name="levels",
        entry="restora.methods.levels:levels",
        stage="local",
        about="puts black and white of each channel back; for faded and yellowed photographs",
        treats=("fading", "yellowing"),
        paper="Pratt, Digital Image Processing, 4th edition, 2007, section 10.1",
        knobs=(*BLACK, *WHITE),
        halo=0,
        memory=60,
    ),
)
