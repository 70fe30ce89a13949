"""Provenance: the part of a card that says how weights were trained."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restora.core.processor import processor
from restora.damage.regions import CLASSES
from restora.learn.card import contract, region_contract
from restora.learn.held_out import judged_by, validation
from restora.learn.marked import SIDE
from restora.learn.recipe import Recipe
from restora.learn.weights import Weights, find
from restora.methods.table import task_of
from restora.work.material import Material

if TYPE_CHECKING:
    from torch import nn

    from restora.learn.device import Device
    from restora.learn.loop import Progress


def card_of(material: Material, net: "nn.Module", done: "list[Progress]", device: "Device") -> dict[str, Any]:
    """The card of weights without scores, which `restora bench denoise --cards` adds.

    net: in stored_form. done: the progress of each run of the recipe.
    """
    recipe, method = material.recipe, material.method
    linked_weights = {"start": recipe.start, "teacher": recipe.distillation.teacher if recipe.distillation else ""}
    return {
        "name": recipe.name,
        "method": method.name,
        "paper": method.paper,
        "channels": recipe.channels,
        **(_of_regions() if recipe.detection else _of_pictures(recipe, task_of(method.name))),
        "multiple": method.multiple,
        "scale": recipe.scale,
        "scales": recipe.scales,
        "halo": material.halo,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "terms": recipe.terms,
        "recipe": recipe.as_dict() | ({} if recipe.stages else {"steps": done[-1].step}),  # the steps taken
        "commit": commit(),
        "trained": {
            "finished": datetime.now(UTC).date().isoformat(),
            "seconds": round(sum(progress.seconds for progress in done)),
            "steps": sum(progress.step for progress in done),
            "stages": [
                {"steps": each.step, "seconds": round(each.seconds), "earlier_schedules": each.earlier} for each in done
            ],
            "earlier_schedules": done[-1].earlier,
            "machine": f"{processor()}, {device.about}",
            "python": platform.python_version(),
            "torch": version("torch"),
            f"held_out_{judged_by(recipe)}": round(done[-1].rows[-1]["score"], 3),
            "held_out_protocol": f"{_part(recipe)}, {validation(recipe)}, unclipped",
        },
        **{key: begun_from(find(name)) for key, name in linked_weights.items() if name},
        "scores": [],
        "photographs": [
            {"file": photo.path.name, "sha256": photo.sha256, "licence": photo.licence}
            | ({"copy": photo.copy} if photo.copy else {})
            for photo in material.seen
        ],
    }


def _part(recipe: Recipe) -> str:
    """The held-out photographs, and which part of them is used, in words."""
    side = recipe.patch if recipe.detection else 256
    return f"{recipe.data.hold_out} photographs, centre {side}x{side}"


def _of_pictures(recipe: Recipe, task: str) -> dict[str, Any]:
    return contract(recipe.channels, recipe.extra, task)


def _of_regions() -> dict[str, Any]:
    return region_contract(CLASSES, SIDE)


def begun_from(start: Weights) -> dict[str, Any]:
    """The part of the card about the start weights of training, and about theirs."""
    kept = {key: start.card[key] for key in ("name", "commit", "recipe", "trained", "start") if key in start.card}
    return kept | {"sha256": start.checksum}


def commit() -> str:
    """The commit of the code, with a plus sign if files differ from it; "unknown" outside a checkout."""
    folder = Path(__file__).parent
    packed_from = folder.parent / "COMMIT"  # in a pack for another machine
    if packed_from.exists():
        return packed_from.read_text().strip()
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
