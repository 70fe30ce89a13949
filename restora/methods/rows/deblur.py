"""What sharpens a picture whose blur kernel is known: rows of the table of methods."""

from dataclasses import replace

from restora.core.knobs import Knob
from restora.core.method import Method
from restora.methods.shared_knobs import KERNEL, SIGMA

_KNOWN = "for a known kernel"
# In a picture without noise, what is unknown beyond the borders and in clipped pixels would ring through the result:
# with sigma 0 instead of 0.01, a motion of 15 pixels costs 3 to 13 dB (8-bit crops of three photographs).
_LEAST = 0.01
NOISE = replace(SIGMA, least=_LEAST, help=f"noise standard deviation; measured if not given, but at least {_LEAST}")

ROWS = (
    Method(
        name="plug-and-play",
        entry="restora.methods.plug_and_play:plug_and_play",
        stage="whole",
        about=f"a trained denoiser and a division in the Fourier domain, in turns; {_KNOWN}; the best",
        treats=("blur",),
        paper="Zhang et al., Learning deep CNN denoiser prior for image restoration, CVPR 2017",
        knobs=(NOISE, Knob("rounds", int, 8, 1, 50, "rounds", "of division and denoising; more is slower")),
        inputs=(KERNEL,),
        memory=66,
        denoiser="restora.prior",
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
