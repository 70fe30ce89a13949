"""What critics say of real and of made pictures, as losses of theirs and of those who want to pass for real.

Logistic: I. Goodfellow et al., "Generative adversarial nets", NIPS 2014, with the loss that does not saturate.
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
"""The critic's loss, of its judgements of real and of made pictures."""

PASSING: dict[str, Callable[[Tensor], Tensor]] = {
    "logistic": lambda made: softplus(-made).mean(),
    "least-squares": lambda made: (made - 1).square().mean(),
    "hinge": lambda made: -made.mean(),
}
"""The loss of whoever made the pictures, of the critic's judgements of them."""
