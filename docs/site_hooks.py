"""What the site needs beyond MkDocs: equations as MathML, and a check that nothing is loaded from other servers."""

import re
from html import unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

EQUATION = re.compile(r'<(div|span) class="arithmatex">\\[\[(](.*?)\\[\])]</\1>', re.DOTALL)
LOADED = re.compile(
    r'<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)="?((?:https?:)?//[^"\s>]+)', re.IGNORECASE
)
IMPORTED = re.compile(r"(?:@import|url\()\s*[\"'(]*((?:https?:)?//[^\"')\s]+)")


def on_config(config: Any) -> Any:
    """Pages of the navigation that do not exist yet are left out."""
    folder = Path(config["docs_dir"])
    config["nav"] = [kept for entry in config["nav"] if (kept := _existing(entry, folder))]
    return config


def _existing(entry: Any, folder: Path) -> Any:
    if isinstance(entry, dict):
        ((title, inner),) = entry.items()
        return {title: [kept for each in inner if (kept := _existing(each, folder))]}
    return entry if (folder / entry).exists() else None


def on_page_content(html: str, **_: Any) -> str:
    """Equations become MathML, which browsers show without a script."""

    def mathml(found: re.Match[str]) -> str:
        return convert(unescape(found[2]).strip(), display="block" if found[1] == "div" else "inline")

    return EQUATION.sub(mathml, html)


def on_post_build(config: Any) -> None:
    """Raise an error if a page or a style sheet loads something from another server when it is viewed."""
    site = Path(config["site_dir"])
    found = [
        f"{path.relative_to(site)}: {address}"
        for ending, pattern in (("html", LOADED), ("css", IMPORTED))
        for path in site.rglob(f"*.{ending}")
        for address in pattern.findall(path.read_text())
    ]
    if found:
        raise SystemExit("the site loads from other servers: " + "; ".join(found[:5]))
