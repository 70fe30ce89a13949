"""The table of methods: facts only. Reading it imports no method, so that listing stays fast."""

from collections.abc import Mapping

from restora.core.errors import RestoraError
from restora.core.knobs import Knob, Setting
from restora.core.method import Method
from restora.core.names import nearest

_SIGMA = Knob(
    *("sigma", float, None, 0, 1, "0..1 scale; 25/255 = 0.098", "noise standard deviation; measured if not given"),
    sign="noise_level",
)
_KNOWN_SIGMA = Knob("sigma", float, 0.0, 0, 1, _SIGMA.unit, "of white noise, a hint; 0: read off the picture")
_SPECKLE = Knob(
    *("sigma", float, None, 0, 2, "share of the pixel's value", "speckle's standard deviation; measured if not given"),
    sign="speckle",
)
_PATCH = Knob("patch", int, 5, 3, 15, "pixels", "side of the compared patches")
_DISTANCE = Knob("distance", int, 6, 1, 30, "pixels", "how far away to look for like patches; more is slower")
_RADIUS = Knob("radius", int, 2, 1, 50, "pixels", "half the side of the window, without its middle; more is smoother")
_WIDTH = Knob("width", float, 1.5, 0.1, 50, "pixels", "standard deviation of the window; more is smoother")
_NET_WIDTH = Knob("width", int, 64, 8, 256, "channels", "of the net; more is slower (paper: 128)")
_ITERATIONS = Knob("iterations", int, 2000, 1, 100000, "steps", "at most; the fit stops by itself")
_ENSEMBLE = Knob(
    "ensemble", int, 0, 0, 1, "0 or 1", "1: the mean over eight turned and mirrored pictures; 8 times slower"
)

_TO_WIDTH = Knob("width", int, 0, 0, 100000, "pixels", "of the result; 0: as it is")
_TO_HEIGHT = Knob("height", int, 0, 0, 100000, "pixels", "of the result; 0: as it is")


def _fit_bytes(knobs: Mapping[str, Setting]) -> int:
    """Of activations and gradients for a pixel, roughly, for a net of so many channels."""
    return 1000 + 125 * int(knobs["width"] or 0)


def _fit_minutes(knobs: Mapping[str, Setting]) -> float:
    """For a megapixel on two cores, roughly."""
    return 150 * (knobs["iterations"] or 0) / 2000 * ((knobs["width"] or 0) / 64) ** 1.5


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="restora",
            entry="restora.methods.restora:Restora",
            kind="learned",
            about="the flagship: noise of every kind in colour and grey pictures, blind or told its level, for the CPU",
            treats=("gaussian", "poisson", "speckle", "salt-and-pepper", "camera"),
            paper="this project; after U-Net (2015), EDSR (2017) and FFDNet (2018)",
            knobs=(_KNOWN_SIGMA,),
            halo=138,
            multiple=8,
            channels=3,
            memory=330,
            weights=("restora.noise", "restora.blind", "restora.blind-pruned", "restora.blind-small"),
        ),
        Method(
            name="dncnn",
            entry="restora.methods.dncnn:DnCNN",
            kind="learned",
            about="17 convolutions that see the noise; grey, for sigma 25/255 only; colour channel by channel",
            treats=("gaussian",),
            paper="Zhang et al., Beyond a Gaussian denoiser, IEEE TIP 2017",
            halo=17,
            channels=1,
            memory=620,
            weights=("dncnn.gray-s25",),
        ),
        Method(
            name="unet",
            entry="restora.methods.unet:UNet",
            kind="learned",
            about="coarse seen deep down, fine brought across; grey, for sigma 25/255 only; colour channel by channel",
            treats=("gaussian",),
            paper="Ronneberger, Fischer and Brox, U-Net, MICCAI 2015",
            halo=46,
            multiple=8,
            channels=1,
            memory=1100,
            weights=("unet.gray-s25",),
        ),
        Method(
            name="attention-unet",
            entry="restora.methods.attention_unet:AttentionUNet",
            kind="learned",
            about="U-Net that weighs what it brings across; grey, for sigma 25/255 only; colour channel by channel",
            treats=("gaussian",),
            paper="Oktay et al., Attention U-Net, MIDL 2018",
            halo=54,
            multiple=8,
            channels=1,
            memory=1300,
            weights=("attention-unet.gray-s25",),
        ),
        Method(
            name="noise2noise",
            entry="restora.methods.unet:UNet",
            kind="learned",
            about="U-Net that never saw a clean picture: trained on noisy pairs; grey, for sigma 25/255 only",
            treats=("gaussian",),
            paper="Lehtinen et al., Noise2Noise: learning image restoration without clean data, ICML 2018",
            halo=46,
            multiple=8,
            channels=1,
            memory=1100,
            weights=("noise2noise.gray-s25",),
        ),
        Method(
            name="autoencoder",
            entry="restora.methods.autoencoder:Autoencoder",
            kind="learned",
            about="redraws the picture from a narrow code, in which noise has no place; grey, for sigma 25/255 only",
            treats=("gaussian",),
            paper="Xie, Xu and Chen, Image denoising and inpainting with deep neural networks, NIPS 2012",
            halo=14,
            multiple=4,
            channels=1,
            memory=900,
            weights=("autoencoder.gray-s25",),
        ),
        Method(
            name="dip",
            entry="restora.methods.dip:dip",
            kind="per-image",
            about="an untrained net fitted to the picture alone and stopped before it learns the noise; minutes",
            treats=("gaussian",),
            paper="Ulyanov, Vedaldi and Lempitsky, Deep image prior, CVPR 2018; stopping: Wang et al., TMLR 2023",
            knobs=(_NET_WIDTH, _ITERATIONS),
            memory=_fit_bytes,
            minutes=_fit_minutes,
            needs="torch",
        ),
        Method(
            name="deepdlp",
            entry="restora.methods.deepdlp:deepdlp",
            kind="per-image",
            about="deep image prior shown, and held near, what non-local Bayes makes of the picture; no data; minutes",
            treats=("gaussian",),
            paper="this project's reading of the name; after Mataev, Elad and Milanfar, DeepRED, ICCVW 2019",
            knobs=(_SIGMA, _NET_WIDTH, Knob("iterations", int, 400, 1, 100000, "steps", "more hardly help")),
            memory=_fit_bytes,
            minutes=_fit_minutes,
            needs="torch",
        ),
        Method(
            name="gaussian",
            entry="restora.methods.gaussian:gaussian",
            kind="classical",
            about="weighted mean of the neighbours; removes noise and detail alike",
            treats=("gaussian",),
            paper="linear filtering",
            knobs=(_WIDTH,),
            halo=lambda knobs: int(4 * (knobs["width"] or 0) + 0.5),
        ),
        Method(
            name="median",
            entry="restora.methods.median:median",
            kind="classical",
            about="median of the neighbours; removes isolated black and white pixels",
            treats=("salt-and-pepper",),
            paper="Tukey, Exploratory Data Analysis, 1971",
            knobs=(Knob("radius", int, 1, 1, 50, _RADIUS.unit, _RADIUS.help),),
            halo=lambda knobs: int(knobs["radius"] or 0),
        ),
        Method(
            name="adaptive-median",
            entry="restora.methods.adaptive_median:adaptive_median",
            kind="classical",
            about="median of a window that grows until it holds more than impulses; other pixels are left as they are",
            treats=("salt-and-pepper",),
            paper="Hwang and Haddad, IEEE TIP 1995",
            knobs=(Knob("radius", int, 3, 1, 20, _RADIUS.unit, "half the side of the widest window"),),
            halo=lambda knobs: int(knobs["radius"] or 0),
            memory=120,
        ),
        Method(
            name="lee",
            entry="restora.methods.lee:lee",
            kind="classical",
            about="local mean where speckle alone explains the variance, the pixel itself where it does not",
            treats=("speckle",),
            paper="Lee, IEEE TPAMI 1980",
            knobs=(_SPECKLE, _RADIUS),
            halo=lambda knobs: int(knobs["radius"] or 0),
            memory=160,
        ),
        Method(
            name="log-nlm",
            entry="restora.methods.log_nlm:log_nlm",
            kind="classical",
            about="non-local means of the logarithm, in which speckle is added noise",
            treats=("speckle",),
            paper="Arsenault and April, JOSA 1976; Buades, Coll and Morel, CVPR 2005",
            knobs=(_SPECKLE, _PATCH, _DISTANCE),
            halo=lambda knobs: int((knobs["patch"] or 0) + (knobs["distance"] or 0)) + 8,
            memory=200,
        ),
        Method(
            name="bilateral",
            entry="restora.methods.bilateral:bilateral",
            kind="classical",
            about="mean of the neighbours of similar value; keeps edges",
            treats=("gaussian",),
            paper="Tomasi and Manduchi, ICCV 1998",
            knobs=(_SIGMA, Knob("width", float, 2.0, 0.1, 20, _WIDTH.unit, _WIDTH.help)),
            halo=lambda knobs: max(1, round(2 * (knobs["width"] or 0))),
        ),
        Method(
            name="nlm",
            entry="restora.methods.nlm:nlm",
            kind="classical",
            about="mean of pixels whose surroundings look alike",
            treats=("gaussian",),
            paper="Buades, Coll and Morel, CVPR 2005",
            knobs=(_SIGMA, _PATCH, _DISTANCE),
            halo=lambda knobs: int((knobs["patch"] or 0) + (knobs["distance"] or 0)),
            memory=160,
        ),
        Method(
            name="nl-bayes",
            entry="restora.methods.nl_bayes:nl_bayes",
            kind="classical",
            about="like patches taken as draws of one Gaussian, each made most likely; best without data",
            treats=("gaussian",),
            paper="Lebrun, Buades and Morel, A nonlocal Bayesian image denoising algorithm, SIAM JIS 2013",
            knobs=(
                _SIGMA,
                Knob("patch", int, 5, 3, 8, _PATCH.unit, _PATCH.help),
                Knob("distance", int, 10, 7, 20, _DISTANCE.unit, _DISTANCE.help),
            ),
            halo=lambda knobs: 4 * int((knobs["patch"] or 0) + (knobs["distance"] or 0)),
            multiple=3,
            memory=1100,
        ),
        Method(
            name="bm3d",
            entry="restora.methods.bm3d:bm3d",
            kind="classical",
            about="like patches stacked and cut back where they are sparse; needs its authors' non-commercial package",
            treats=("gaussian",),
            paper="Dabov et al., Image denoising by sparse 3-D transform-domain collaborative filtering, IEEE TIP 2007",
            knobs=(_SIGMA,),
            memory=400,
            needs="bm3d",
        ),
        Method(
            name="tv",
            entry="restora.methods.tv:tv",
            kind="classical",
            about="least total variation near the picture; flat areas with sharp edges",
            treats=("gaussian",),
            paper="Rudin, Osher and Fatemi, Physica D 1992; Chambolle, JMIV 2004",
            knobs=(_SIGMA,),
        ),
        Method(
            name="wavelet",
            entry="restora.methods.wavelet:wavelet",
            kind="classical",
            about="small wavelet coefficients removed",
            treats=("gaussian",),
            paper="Chang, Yu and Vetterli, IEEE TIP 2000",
            knobs=(_SIGMA,),
        ),
        Method(
            name="wiener",
            entry="restora.methods.wiener:wiener",
            kind="classical",
            about="local mean where the picture is flat, the pixel itself where it is not",
            treats=("gaussian",),
            paper="Lee, IEEE TPAMI 1980",
            knobs=(_SIGMA, _RADIUS),
            halo=lambda knobs: int(knobs["radius"] or 0),
        ),
        Method(
            name="srcnn",
            entry="restora.methods.srcnn:SRCNN",
            kind="learned",
            about="three convolutions that sharpen what bicubic interpolation made larger; the first net for this task",
            treats=("shrink",),
            paper="Dong et al., Image super-resolution using deep convolutional networks, IEEE TPAMI 2016",
            knobs=(_ENSEMBLE,),
            halo=8,
            channels=1,
            luma=True,
            memory=700,
            weights=("srcnn.x2", "srcnn.x3", "srcnn.x4"),
        ),
        Method(
            name="vdsr",
            entry="restora.methods.vdsr:VDSR",
            kind="learned",
            about="twenty convolutions that see what bicubic interpolation lost; one net for all scales",
            treats=("shrink",),
            paper="Kim, Lee and Lee, Accurate image super-resolution using very deep convolutional networks, CVPR 2016",
            knobs=(_ENSEMBLE,),
            halo=20,
            channels=1,
            luma=True,
            memory=700,
            weights=("vdsr.x234",),
        ),
        Method(
            name="edsr",
            entry="restora.methods.edsr:EDSR",
            kind="learned",
            about="residual blocks at the small size and one step to the large: sharp where the picture is clean",
            treats=("shrink",),
            paper="Lim et al., Enhanced deep residual networks for single image super-resolution, CVPRW 2017",
            knobs=(_ENSEMBLE,),
            halo=36,
            channels=3,
            scale=2,
            memory=580,
            weights=("edsr.x2", "edsr.x3", "edsr.x4", "edsr.x2-real", "edsr.x4-real"),
        ),
        Method(
            name="srgan",
            entry="restora.methods.edsr:EDSR",
            kind="learned",
            about="EDSR told by a critic and by features to look real: sharper to the eye, and may invent detail",
            treats=("shrink",),
            paper="Ledig et al., Photo-realistic single image super-resolution using a generative adversarial network,"
            " CVPR 2017",
            knobs=(_ENSEMBLE,),
            halo=36,
            channels=3,
            scale=4,
            memory=580,
            weights=("srgan.x4", "srgan.x4-real"),
        ),
        Method(
            name="foreign",
            entry="restora.learn.zoo:Foreign",
            kind="learned",
            about="a net from elsewhere, of `restora weights add`; how large, how far and what for its card says",
            treats=("shrink",),
            paper="of the net that was added",
            memory=2000,
        ),
        Method(
            name="navier-stokes",
            entry="restora.methods.navier_stokes:navier_stokes",
            kind="filling",
            about="lines of equal brightness carried on into the hole; for scratches and small holes, at noise too",
            treats=("hole",),
            paper="Bertalmio, Bertozzi and Sapiro, Navier-Stokes, fluid dynamics, and image and video inpainting,"
            " CVPR 2001",
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
        Method(
            name="bicubic",
            entry="restora.methods.bicubic:bicubic",
            kind="resize",
            about="each new pixel a weighted mean of 4x4 old ones; soft, as MATLAB's imresize",
            treats=("shrink",),
            paper="Keys, Cubic convolution interpolation for digital image processing, IEEE TASSP 1981",
            knobs=(_TO_WIDTH, _TO_HEIGHT),
            memory=60,
        ),
        Method(
            name="lanczos",
            entry="restora.methods.lanczos:lanczos",
            kind="resize",
            about="each new pixel a weighted mean of 6x6 old ones; sharper than bicubic, and rings more",
            treats=("shrink",),
            paper="Duchon, Lanczos filtering in one and two dimensions, Journal of Applied Meteorology 1979",
            knobs=(_TO_WIDTH, _TO_HEIGHT),
            memory=60,
        ),
        Method(
            name="back-projection",
            entry="restora.methods.back_projection:back_projection",
            kind="correction",
            about="corrects a larger picture until, made smaller, it is the given one; after bicubic if not told more",
            treats=("shrink",),
            paper="Irani and Peleg, Improving resolution by image registration, CVGIP 1991",
            knobs=(Knob("rounds", int, 5, 1, 50, "rounds", "of comparing and correcting"),),
            halo=lambda knobs: 4 * int(knobs["rounds"] or 0) + 2,
            memory=200,
        ),
    )
}


def method_named(name: str) -> Method:
    """The row of a method. Raises RestoraError with the nearest name."""
    if name not in METHODS:
        raise RestoraError(f"no method is called {name!r}; {nearest(name, METHODS)}")
    return METHODS[name]
