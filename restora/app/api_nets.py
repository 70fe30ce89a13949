"""Trained nets as functions, in the Python API."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

from restora.app.given import Given
from restora.app.python_call import Where, carried_out, place
from restora.core.plan import Plan


@dataclass(frozen=True)
class Net:
    """A trained net as a function: takes a picture, as in `fix`, and returns one of the same type; see `load`."""

    name: str
    card: Mapping[str, Any]
    plan: Plan
    where: Where

    def __call__(self, y: Given) -> Any:
        """The restored picture. Raises RestoraError."""
        return carried_out(y, self.where, lambda pixels: (None, self.plan)).image

    def __repr__(self) -> str:
        return f"Net({self.name}: {self.card['method']}, scale {self.card.get('scale', 1)}, {self.plan.precision})"


def load(
    name: str | PathLike[str],
    *,
    precision: str = "auto",
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
) -> Net:
    """The net of some weights, given by name or file, as a function of pictures; `net.card` is its card.

    Nets with a scale enlarge pictures by it; nets that accept a noise level estimate it here. Raises NoWeights, and
    BadPlan when a net is called that cannot do without the noise level: use restora.denoise, which measures it.
    """
    from restora.learn.weights import find
    from restora.methods.table import method_named
    from restora.work.plan import best_precision, learned_step

    where, weights = place(engine, device, max_memory), find(str(name))
    step = learned_step(method_named(weights.card["method"]), "asked for", str(name))
    chosen = best_precision([step.weights]) if precision == "auto" else precision
    return Net(weights.name, weights.card, Plan((step,), step.because, precision=chosen), where)
