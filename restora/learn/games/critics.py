"""Losses of critics, and losses of the generators that they judge.

Logistic: I. Goodfellow et al., "Generative adversarial nets", NIPS 2014, with the non-saturating loss.
Least squares: X. Mao et al., "Least squares generative adversarial networks", ICCV 2017.
Hinge: J. H. Lim and J. C. Ye, "Geometric GAN", arXiv 2017.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, softplus

CRITIC: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "logistic": lambda real, made: softplus(-real).mean() + softplus(made).mean(),
    "least-squares": lambda real, made: 0.5 * ((real - 1).square().mean() + made.square().mean()),
    "hinge": lambda real, made: relu(1 - real).mean() + relu(1 + made).mean(),
}
"""The loss of a critic, from its judgements of real and of generated pictures."""

PASSING: dict[str, Callable[[Tensor], Tensor]] = {
    "logistic": lambda made: softplus(-made).mean(),
    "least-squares": lambda made: (made - 1).square().mean(),
    "hinge": lambda made: -made.mean(),
}
"""The loss of the generator, from the critic's judgements of its pictures."""
