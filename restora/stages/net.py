"""Net: a trained net, on an engine and a device, in a precision."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil

import numpy as np

from restora.core.errors import BadPlan
from restora.core.method import Made
from restora.engines.channels import ensemble, of_picture, on_luma
from restora.engines.choice import CPU, Backend
from restora.engines.openvino_ import rest
from restora.learn.weights import Weights, find
from restora.stages.check import weights_for
from restora.stages.load import float_precision, load_net, possible
from restora.stages.local import Local
from restora.stages.spool import Spool
from restora.stages.stage import Setup, Stage

NARROW = 0.75
"""Share of a net's memory that is needed where it computes in 16 or 8 bits: measured, a half to nine tenths of what it
takes itself, beside what reading and writing take. The rare piece that is done again in f32 may need more than that."""

Answer = Callable[[np.ndarray, Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""(y (h, w, C), planes by name) -> outputs by name, each (h, w, c)."""


class Net(Local):
    """A trained net. A window that comes out not finite is computed again on the CPU in f32."""

    def __init__(self, setup: Setup, weights: Weights, precision: str) -> None:
        card, backend = weights.card, setup.backend
        memory = card.get("memory", setup.method.bytes_a_pixel(setup.knobs))
        if (float_precision(weights, backend) if precision == "int8" else precision) == "bf16":
            memory = ceil(NARROW * memory)
        scale = card.get("scale", 1)
        super().__init__(setup, halo=card["halo"], multiple=card["multiple"], memory=memory, scale=scale)
        self.planes = {
            each.plane or each.name: read for each in setup.method.inputs if (read := self.planes.get(each.name))
        }
        self.weights, self.precision = weights, precision
        self.constants = {"sigma": np.float32(setup.knobs.get("sigma") or 0), **setup.others()}
        self.answer = self._ready(backend, precision)
        self.repaired = 0
        names = {each.name for each in setup.method.products} & setup.keep & set(weights.outputs)
        self.kept = {name: Spool(self.after, sum(weights.outputs[name].values())) for name in names}

    def _ready(self, backend: Backend, precision: str) -> Answer:
        engine = load_net(self.weights, self.setup.method, backend, precision)
        if self.setup.knobs.get("ensemble"):
            engine = ensemble(engine)
        if self.setup.method.luma:
            return on_luma(engine)
        return of_picture(engine, self.weights.inputs, self.constants)

    def _careful(self) -> Answer:
        rest()  # what the other engine holds and what this one needs would be too much together
        # Loaded when it is needed, which is hardly ever. The CPU computes in f32; other devices may not.
        return self._ready(replace(self.setup.backend, device=CPU), "f32")

    def method(self, y: np.ndarray, planes: Mapping[str, np.ndarray]) -> Made:
        """The net's answer; its outputs but for x_hat are products."""
        outputs = self.answer(y, planes)
        if not np.isfinite(outputs["x_hat"]).all() and self.precision != "f32":
            self.repaired += 1
            outputs = self._careful()(y, planes)
        return Made(outputs["x_hat"], {name: value for name, value in outputs.items() if name != "x_hat"})

    def counted(self) -> list[float]:
        """Windows that were computed again."""
        return [self.repaired]

    def count_on(self, counted: list[float]) -> None:
        """Go on from so many."""
        self.repaired = int(counted[0])


def net(setup: Setup) -> Stage:
    """The stage of a trained net. Raises BadPlan for weights that do not fit the step."""
    step, method, report = setup.step, setup.method, setup.report
    weights = find(weights_for(method, step.weights))
    if weights.card["method"] != method.name:
        raise BadPlan(f"the weights {weights.name} are for {weights.card['method']}, not for {method.name}")
    told = [
        *(["sigma"] if setup.knobs.get("sigma") else []),
        *(i.plane or i.name for i in method.inputs if setup.has(i.name)),
    ]
    for plane in told:
        if not weights.takes(plane):
            raise BadPlan(f"the weights {weights.name} read the {plane} off the picture and cannot be told {plane}")
    report.weights[weights.name] = weights.checksum
    wanted = report.plan.precision
    if wanted == "int8" and not weights.int8:
        found = "; ".join(weights.card.get("int8", {}).get("objections", ["they were not exported to it"]))
        raise BadPlan(f"the weights {weights.name} have no int8 model: {found}")
    precision = possible(wanted, weights, setup.backend, report)
    report.engine, report.device, report.precision = setup.backend.engine, setup.backend.device, precision
    if weights.card.get("scale", 1) > 1 and step.strength < 1:
        raise BadPlan(f"{weights.name} makes pictures larger, which cannot be done in part: its strength must be 1")
    return Net(setup, weights, precision)
