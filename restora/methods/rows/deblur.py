"""What sharpens a blurred picture, with a known kernel or one that it estimates: rows of the table of methods."""

from dataclasses import replace

from restora.core.inputs import Product
from restora.core.knobs import Knob
from restora.core.method import Method
from restora.methods.shared_knobs import ITERATIONS, KERNEL, NET_WIDTH, SIGMA, fit_bytes, fit_minutes

_KNOWN = "for a known kernel"
_UNKNOWN = "for an unknown kernel"
_ROUNDS = Knob("rounds", int, 8, 1, 50, "rounds", "of division and denoising; more is slower")
_SIZE = Knob("size", int, 0, 0, 301, "pixels", "side of the kernel, an odd number; 0: found from the picture")
_NARROW = replace(NET_WIDTH, default=32)
_STEPS = replace(ITERATIONS, help="of both nets; more is slower (paper: 5000)")
_FOUND = Product("kernel", "kernel", "the estimated blur kernel; it can be given back with --kernel")
# A kernel is never exact, and borders and clipped pixels do not follow the model, which acts as noise. On the really
# blurred pictures of Levin et al., tv-deconvolution with the authors' kernels gives 32.7 dB if told 0.0025 (8 bits have
# 0.0012), 34.5 if told 0.006, 34.0 if told 0.01.
_LEAST = 0.006
_MEMORY = 38
"""Bytes for each pixel of plug-and-play: 12 of them are the picture, and 28 remain while the denoiser runs."""
NOISE = replace(SIGMA, least=_LEAST, help=f"noise standard deviation; measured if not given, but at least {_LEAST}")

ROWS = (
    Method(
        name="plug-and-play",
        entry="restora.methods.plug_and_play:plug_and_play",
        stage="whole",
        about=f"a trained denoiser and a division in the Fourier domain, in turns; {_KNOWN}; the best",
        treats=("blur",),
        paper="Zhang et al., Learning deep CNN denoiser prior for image restoration, CVPR 2017",
        knobs=(NOISE, _ROUNDS),
        inputs=(KERNEL,),
        memory=_MEMORY,
        denoiser="restora.prior",
    ),
    Method(
        name="blind-deconvolution",
        entry="restora.methods.blind_deconvolution:blind_deconvolution",
        stage="whole",
        about=f"estimates the kernel from the salient edges, then sharpens as plug-and-play does; {_UNKNOWN}",
        treats=("blur",),
        paper="Xu, Zheng and Jia, Unnatural L0 sparse representation for natural image deblurring, CVPR 2013",
        knobs=(NOISE, _ROUNDS, _SIZE),
        products=(_FOUND,),
        memory=_MEMORY,
        denoiser="restora.prior",
    ),
    Method(
        name="selfdeblur",
        entry="restora.methods.selfdeblur:selfdeblur",
        stage="whole",
        about=f"two untrained nets, for picture and kernel, fitted to the picture alone; {_UNKNOWN}; takes minutes",
        treats=("blur",),
        paper="Ren et al., Neural blind deconvolution using deep priors, CVPR 2020",
        knobs=(NOISE, _SIZE, _NARROW, _STEPS),
        products=(_FOUND,),
        memory=lambda knobs: round(1.6 * fit_bytes(knobs)),
        minutes=lambda knobs: 1.8 * fit_minutes(knobs),
        denoiser="restora.prior",
        needs="torch",
    ),
    Method(
        name="motion",
        entry="restora.methods.motion:Motion",
        stage="net",
        about="a multi-scale net for a shaken camera and moving objects; the kernel is unknown",
        treats=("blur",),
        paper="after Nah et al., CVPR 2017, and Cho et al., MIMO-UNet, ICCV 2021",
        halo=224,
        multiple=16,
        channels=3,
        memory=330,
        weights=("motion.photo",),
    ),
    Method(
        name="wiener-deconvolution",
        entry="restora.methods.wiener_deconvolution:wiener_deconvolution",
        stage="whole",
        about=f"the linear estimate with the least squared error; {_KNOWN}; fast",
        treats=("blur",),
        paper="Wiener, Extrapolation, interpolation, and smoothing of stationary time series, 1949",
        knobs=(NOISE,),
        inputs=(KERNEL,),
        memory=50,
    ),
    Method(
        name="unsupervised-wiener",
        entry="restora.methods.unsupervised_wiener:unsupervised_wiener",
        stage="whole",
        about=f"Wiener deconvolution that estimates noise and smoothness by Gibbs sampling; {_KNOWN}",
        treats=("blur",),
        paper="Orieux, Giovannelli and Rodet, Bayesian estimation of regularization and PSF parameters, JOSA A 2010",
        inputs=(KERNEL,),
        memory=160,
        minutes=lambda knobs: 0.3,
    ),
    Method(
        name="richardson-lucy",
        entry="restora.methods.richardson_lucy:richardson_lucy",
        stage="whole",
        about=f"the most likely picture for photon noise, stopped before it fits the noise; {_KNOWN}",
        treats=("blur",),
        paper="Richardson, JOSA 1972; Lucy, The Astronomical Journal 1974; borders: Bertero and Boccacci, A&A 2005",
        knobs=(SIGMA, Knob("iterations", int, 100, 1, 10000, "steps", "at most; it stops at the noise level")),
        inputs=(KERNEL,),
        memory=80,
    ),
    Method(
        name="tv-deconvolution",
        entry="restora.methods.tv_deconvolution:tv_deconvolution",
        stage="whole",
        about=f"flat areas with sharp edges, as the total variation is kept small; {_KNOWN}",
        treats=("blur",),
        paper="Wang et al., Alternating minimization for total variation image reconstruction, SIIMS 2008",
        knobs=(NOISE,),
        inputs=(KERNEL,),
        memory=100,
    ),
    Method(
        name="inverse-filter",
        entry="restora.methods.inverse_filter:inverse_filter",
        stage="whole",
        about=f"division by the transfer function where it is not small; {_KNOWN}; noise grows",
        treats=("blur",),
        paper="linear filtering",
        knobs=(Knob("threshold", float, 0.1, 0.001, 1, "modulus", "below which frequencies are left as they are"),),
        inputs=(KERNEL,),
        memory=50,
    ),
)
