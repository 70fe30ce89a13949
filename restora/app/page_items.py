"""The pictures of the page with their results, and what the browser must know to display them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from restora.app.page_jobs import Done
from restora.app.review import Sight, exchangeable
from restora.app.views import View
from restora.core.plan import Plan
from restora.signs.table import SIGNS
from restora.work.fix import NORMAL, STRENGTHS, with_strength
from restora.work.purpose import fills


@dataclass(frozen=True, eq=False)
class Item:
    """A picture of the page.

    view: how the picture alone is displayed, or the first one if it is the result of earlier restorations.
    results: by strength, what was made, and how it is displayed. state: words for its card.
    """

    name: str
    view: View
    sight: Sight | None = None
    results: Mapping[str, tuple[Done, View]] = field(default_factory=dict)
    state: str = ""

    def with_result(self, strength: str, done: Done, view: View) -> "Item":
        """The item with one more result."""
        state = (
            "Changed"
            if done.plan.steps or done.sight.salvage
            else "Left alone: nothing was found that should be changed"
        )
        return replace(self, results={**self.results, strength: (done, view)}, state=state)


def blends(plan: Plan) -> bool:
    """Whether a share of the change of a whole plan makes sense: it neither fills anything nor changes the size."""
    return bool(plan.steps) and all(exchangeable(step) and not fills(step) for step in plan.steps)


def strengths_of(plan: Plan) -> list[str]:
    """The strengths in which a result can be had; none if there is no choice."""
    own = [name for name in STRENGTHS if name == NORMAL or with_strength(plan, name).steps != plan.steps]
    offered = [name for name in STRENGTHS if name in own or (name == "light" and blends(plan))]
    return offered if len(offered) > 1 else []


def _facts(item: Item) -> dict[str, Any]:
    offered = strengths_of(item.results[NORMAL][0].plan) if NORMAL in item.results else []
    return {
        "name": item.name,
        "plain": item.view.facts(),
        "results": {strength: view.facts() for strength, (_, view) in item.results.items()},
        "strengths": offered,
    }


def facts(items: Sequence[Item], strength: str = NORMAL) -> str:
    """What the browser must know to display the pictures, as HTML: JSON in an attribute; empty if there are none.

    strength: of the results to display.
    """
    if not items:
        return ""
    told = json.dumps({"items": [_facts(item) for item in items], "strength": strength})
    return f'<div data-facts="{escape(told)}"></div>'


def cards(items: Sequence[Item]) -> str:
    """A card for each of several pictures, as HTML: small, what was found, what became of it, and its download."""
    if len(items) < 2:
        return ""
    return f'<ul class="restora-cards">{"".join(_card(index, item) for index, item in enumerate(items))}</ul>'


def _card(index: int, item: Item) -> str:
    found = list(item.sight.diagnosis.present.items()) if item.sight else []
    words = ", ".join(finding.plain or SIGNS[name].called for name, finding in found)
    words = escape(words or "No damage was found") if item.sight else "Examining …"
    level = len(item.view.before.sizes()) - 1
    name, link = escape(item.name), ""
    if item.results:
        view = next(iter(item.results.values()))[1]
        address = f'href="page/{view.key}/download" data-link="download" data-item="{index}"'
        link = f'<a class="restora-button" {address} download>Download</a>'
    return (
        f'<li class="restora-card"><button type="button" data-show="{index}" aria-pressed="false">'
        f'<img alt="" src="page/{item.view.key}/before/{level}-0-0"><b>{name}</b></button>'
        f"<p>{words[:1].upper() + words[1:]}</p><p><i>{escape(item.state)}</i></p>{link}</li>"
    )
