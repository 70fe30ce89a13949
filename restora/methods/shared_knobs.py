"""Knobs and inputs that several rows share, and the time and memory of nets that are fitted to one picture."""

from collections.abc import Mapping

from restora.core.inputs import Input, Product
from restora.core.knobs import Knob, Setting

_SCALE = "0..1 scale; 25/255 = 0.098"
SIGMA = Knob("sigma", float, None, 0, 1, _SCALE, "noise standard deviation; measured if not given", sign="noise_level")
_OF_JPEG = "at which the picture was saved; measured if not given"
QUALITY = Knob("quality", int, None, 1, 100, "of JPEG encoders", _OF_JPEG, sign="jpeg_quality")
_HINT = "of white noise, a hint; 0: estimated by the net, or measured for weights that need it"
KNOWN_SIGMA = Knob("sigma", float, 0.0, 0, 1, SIGMA.unit, _HINT, sign="noise_level")
_OF_SPECKLE = "speckle's standard deviation; measured if not given"
SPECKLE = Knob("sigma", float, None, 0, 2, "share of the pixel's value", _OF_SPECKLE, sign="speckle")
PATCH = Knob("patch", int, 5, 3, 15, "pixels", "side of the compared patches")
DISTANCE = Knob("distance", int, 6, 1, 30, "pixels", "how far away to look for similar patches; more is slower")
KNOWN_WITHIN = Knob("radius", int, 3, 1, 50, "pixels", "distance within which known pixels count")
RADIUS = Knob("radius", int, 2, 1, 50, "pixels", "half the side of the window, without its centre; more is smoother")
WIDTH = Knob("width", float, 1.5, 0.1, 50, "pixels", "standard deviation of the window; more is smoother")
NET_WIDTH = Knob("width", int, 64, 8, 256, "channels", "of the net; more is slower (paper: 128)")
ITERATIONS = Knob("iterations", int, 2000, 1, 100000, "steps", "at most; the fit stops by itself")
ENSEMBLE = Knob("ensemble", int, 0, 0, 1, "0 or 1", "1: mean over eight rotated and mirrored pictures; 8 times slower")

_LEVELS = "a grey picture of the same size: sigma at each pixel, for example 25 of 255; a hint"
SIGMA_MAP = Input("sigma_map", "plane", _LEVELS, required=False, plane="sigma")
_MISSING = (
    "a picture of the same size: white is filled, black is kept; or alpha: fully transparent pixels are filled;"
    " or found: scratches and spots are found and filled"
)
MASK = Input(
    "mask", "plane", _MISSING, plane="mask", alpha=True, finder="mark-finder.photo", instead=("box",),
    default="partial-unet",
)  # fmt: skip
FILLED = Product("mask", "plane", "what was filled: white; can be given back as the input mask")
_RECTANGLES = "a rectangle to fill, x,y,width,height in pixels from the top left"
BOX = Input("box", "boxes", _RECTANGLES, required=False, default="partial-unet")
GROW = Knob("grow", int, 0, 0, 100, "pixels", "distance by which the hole is enlarged")
_OF_NOISE = "of the noise measured around the hole that is added to filled pixels, so that they are not too smooth"
GRAIN = Knob("grain", float, 0.0, 0, 2, "share", _OF_NOISE)
OF_HOLES = ("grow", "grain")
"""Knobs that the stage of a method that fills holes reads; the function of the method does not get them."""
_BLUR = "the blur kernel: a grey picture, .npy or .txt file with odd sides, or words as motion(length=15, angle=30)"
KERNEL = Input("kernel", "kernel", _BLUR)

SIZE = tuple(Knob(side, int, 0, 0, 100000, "pixels", "of the result; 0: unchanged") for side in ("width", "height"))


def fit_bytes(knobs: Mapping[str, Setting]) -> int:
    """Approximate bytes of activations and gradients for each pixel, for a net with these knobs."""
    return 1000 + 125 * int(knobs["width"] or 0)


def fit_minutes(knobs: Mapping[str, Setting]) -> float:
    """Approximate minutes for a megapixel on two cores."""
    return 150 * (knobs["iterations"] or 0) / 2000 * ((knobs["width"] or 0) / 64) ** 1.5
