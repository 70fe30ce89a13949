"""The fields of the form of a plan, as HTML. The browser sends their values in order; see `restoraForm` in page.js.

They are not components of Gradio: those that are rendered again get new functions on the server, and an event of the
old ones that is on its way is then refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from restora.core.knobs import Setting

Value = str | float | bool | None
"""What a field sends; a file that was not chosen and an empty number are None."""


def method(chosen: str) -> str:
    """The chosen method, which is not displayed; `purposes` and `expert` change it."""
    return f'<input type="hidden" data-value="choice" data-method value="{escape(chosen)}">'


def purposes(words: Mapping[str, str], chosen: str, key: str) -> str:
    """Buttons for the methods that are recommended, by name, in words that say what each is good for.

    key: differs from that of the other steps.
    """
    if len(words) < 2:
        return ""
    buttons = "".join(
        f'<label><input type="radio" name="purpose-{key}" data-sets value="{escape(name)}"'
        f"{' checked' * (name == chosen)}><span>{escape(text)}</span></label>"
        for name, text in words.items()
    )
    return f'<fieldset class="restora-field restora-purposes"><legend><b>Good for</b></legend>{buttons}</fieldset>'


def expert(groups: Mapping[str, Sequence[str]], chosen: str, about: str, fields: str, opened: bool) -> str:
    """All methods by name, in groups, and the fields of the chosen one; folded unless `opened`."""
    options = "".join(
        f'<optgroup label="{escape(label)}">{"".join(_option(name, chosen) for name in names)}</optgroup>'
        for label, names in groups.items()
    )
    return (
        f'<details class="restora-expert"{" open" * opened}><summary>Expert</summary>'
        f'<label class="restora-field"><b>Method</b><small>{escape(about)}</small>'
        f"<select data-sets>{options}</select></label>{fields}</details>"
    )


def _option(name: str, chosen: str) -> str:
    return f'<option value="{escape(name)}"{" selected" * (name == chosen)}>{escape(name)}</option>'


def kinds(label: str, names: Iterable[tuple[str, str]], chosen: str) -> str:
    """Buttons, of which one is pressed, from pairs of words and name; another choice changes the form."""
    buttons = "".join(
        f'<label><input type="radio" name="kind" value="{escape(name)}"{" checked" * (name == chosen)}>'
        f"<span>{escape(words)}</span></label>"
        for words, name in names
    )
    return (
        '<fieldset class="restora-field restora-kinds" data-value="kind" data-remakes>'
        f"<legend><b>{escape(label)}</b></legend>{buttons}</fieldset>"
    )


def switch(label: str) -> str:
    """A box that is ticked at first."""
    return (
        '<label class="restora-switch"><input type="checkbox" data-value="switch" checked>'
        f"<span>{escape(label)}</span></label>"
    )


def number(
    label: str, about: str, value: Setting, bounds: tuple[float, float], fineness: float, slides: bool = True
) -> str:
    """A number within bounds, with a slider if it `slides`.

    It is displayed rounded; if it is not changed, the exact value is sent.
    """
    low, high = bounds
    shown, exact = ("", "") if value is None else (f"{value:.6g}" if isinstance(value, float) else value, repr(value))
    common = f'min="{low}" max="{high}" step="{fineness}" aria-label="{escape(label)}"'
    slider = f'<input type="range" {common} value="{exact}">' if slides else ""
    return (
        f'<div class="restora-field restora-number"><b>{escape(label)}</b>'
        f'<input type="number" data-value="number" {common} value="{shown}" data-exact="{exact}">'
        f"<small>{escape(about)}</small>{slider}</div>"
    )


def path(value: str | None) -> str:
    """A file that was uploaded before."""
    return f'<input type="hidden" data-value="file" value="{escape(value or "")}">'
