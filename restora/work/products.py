"""Products of a plan as files: a kernel or a mask as a grey picture, boxes as JSON."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import BadPlan, OutputExists
from restora.core.image import Image, Meta
from restora.core.inputs import Product
from restora.core.plan import Plan
from restora.engines.tiling import UNIT, cores
from restora.files.picture import STDIO
from restora.files.save import write, write_by_tiles, write_text
from restora.methods.table import method_named
from restora.stages.spool import Spool

BITS = {"kernel": 16, "plane": 8, "picture": 16}
"""Bits per value in the file of a product."""


def product_of(plan: Plan, name: str) -> Product:
    """The declaration of a product. Raises BadPlan if no step of the plan makes it."""
    given = {each.name: each for step in plan.steps for each in method_named(step.method).products}
    if name not in given:
        raise BadPlan(f"no step of the plan makes a product {name!r}; known: {', '.join(sorted(given)) or 'none'}")
    return given[name]


def facts_of(name: str, plan: Plan) -> dict[str, str]:
    """The entry of a product in the report."""
    return {"kind": product_of(plan, name).kind, "description": product_of(plan, name).help}


def places_for(names: Iterable[str], target: Path, plan: Plan, force: bool) -> dict[str, Path]:
    """The files of products of the result `target`, by name: TARGET.NAME.png, or .json.

    Raises OutputExists or BadPlan, before anything slow, if they cannot be written.
    """
    places = {}
    for name in names:
        ending = "json" if product_of(plan, name).kind == "boxes" else "png"
        places[name] = target.with_name(f"{target.name}.{name}.{ending}")
    if places and target == STDIO:
        raise BadPlan("products are written beside the result, so it needs a file: name it with -o")
    for path in places.values():
        if not force and os.path.lexists(path):
            raise OutputExists(f"{path} exists; overwrite it with --force")
    return places


def value_of(product: Any) -> Any:
    """A product as an array, or a list of boxes."""
    if isinstance(product, Spool):
        values = product.read(0, 0, *product.size)
        return values[:, :, 0] if product.channels == 1 else values
    return product


def write_product(product: Any, path: Path, name: str, plan: Plan, force: bool) -> dict[str, str]:
    """Write a product to its file; returns the entry of the file in the report.

    A kernel is scaled to a maximum of 1, so that it is visible; reading it scales its sum to 1 again.
    """
    kind = product_of(plan, name).kind
    if isinstance(product, Spool):
        shape, meta = (*product.size, product.channels), Meta(bits=BITS[kind])
        tiles = ((0, product.read(*window)) for window in cores(*product.size, (UNIT, product.size[1])))
        write_by_tiles(tiles, shape, meta, path, force=force)
        return {"file": str(path), "sha256": sha256(path)}
    value = product
    if kind == "boxes":
        write_text(json.dumps(np.asarray(value).tolist()) + "\n", path, force=force)
    else:
        pixels = np.asarray(value, np.float32)
        pixels = pixels / pixels.max() if kind == "kernel" and pixels.max() > 0 else pixels
        write(Image(np.atleast_3d(pixels), meta=Meta(bits=BITS[kind])), path, force=force)
    return {"file": str(path), "sha256": sha256(path)}
