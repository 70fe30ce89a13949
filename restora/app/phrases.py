"""The texts of the page, as HTML. Text from a visitor, such as a file name, is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape

from restora.app.review import JPEG_ALONE, Sight
from restora.core.diagnosis import Finding
from restora.core.plan import Step
from restora.methods.table import method_named
from restora.metrics.scores import Scores
from restora.signs.table import NOT_LOOKED_FOR, SIGNS, absent
from restora.work.purpose import corrects, fills, sharpens, translates
from restora.work.rules import PHOTO

SURE = ((0.95, "certain"), (0.8, "quite sure"), (0.6, "fairly sure"), (0.0, "a guess"))
"""Confidence from which each word is used."""

TITLE = """<header class="restora-title"><h1>Restora</h1>
<p>Removes noise, blur and JPEG blocks, fills scratches, enlarges small pictures, and sends nothing
anywhere.</p></header>"""
FOOT = """<footer class="restora-foot"><p>Pictures and results are deleted after {minutes:g} minutes. Nothing is sent to
other servers. <a href="/docs">For programs: the API</a></p></footer>"""


TOOLS = """<div class="restora-tools" data-painting="{key}"><label>Brush <input id="brush-width" type="range" min="0.2"
max="10" step="0.2" value="2" aria-label="Width of the brush"></label><span class="restora-together"><button
id="brush-erase" type="button" aria-pressed="false">Eraser</button><button id="brush-undo" type="button">Undo</button>
<button id="brush-clear" type="button">Clear</button></span><span class="restora-together"><button id="brush-out"
type="button" aria-label="Smaller">−</button><button id="brush-in" type="button" aria-label="Larger">+</button><button
id="brush-move" type="button" aria-pressed="false">Move</button></span>{base}</div>"""
PAINT = "Paint over the parts to fill, then restore. Scroll or pinch to look closer; hold the space bar to move."
GOOD_FOR = {
    "restora": "Most photographs: noise, grain, JPEG blocks",
    "nl-bayes": "Even noise, without a trained net",
    "adaptive-median": "Black and white dots",
    "log-nlm": "Speckle, as in radar and laser pictures",
    "shifted-jpeg": "JPEG blocks, without a trained net",
    "partial-unet": "Scratches, letters, spots",
    "exemplar": "Large holes in grass, water or walls",
    "biharmonic": "Thin lines and single pixels",
    "frequency-selective": "Scratches across texture; slow",
    "plug-and-play": "Most photographs; slow",
    "wiener-deconvolution": "A quick look",
    "richardson-lucy": "Few photons: stars, microscopes",
    "blind-deconvolution": "A shaken camera: the same blur everywhere",
    "motion": "Things that moved, and shaken cameras",
}
"""What methods are recommended for; all others are for experts."""
DONE = '<p class="restora-note" role="status">Restored. Compare, then download.</p>'
TAKE = """<div class="restora-take" hidden><a id="download" class="restora-primary" data-link="download"
download>Download</a><a id="report" class="restora-button" data-link="report" download>Report</a></div><p
class="restora-note restora-older" hidden>This result is from before your last change.</p>"""
"""The links to the result; the browser fills them in from the facts."""
AMOUNTS = """<div class="restora-amounts" hidden><div role="group" aria-label="How much"><button type="button"
data-strength="light">Light</button><button type="button" data-strength="normal">Normal</button><button type="button"
data-strength="strong">Strong</button></div><label>Strength <input id="amount" type="range" min="0" max="100" step="1"
value="100"><output></output></label><label>Texture back <input id="texture" type="range" min="0" max="100" step="5"
value="0"><output></output></label></div>"""
"""How much of the change is applied, and of the removed texture put back."""


def trouble(text: str) -> str:
    """An error message."""
    return f'<p class="restora-trouble" role="alert">{escape(text)}</p>' if text else ""


def note(text: str) -> str:
    """A status message."""
    return f'<p class="restora-note">{escape(text)}</p>' if text else ""


def tools(key: str, base: str = "") -> str:
    """The tools of the brush, for the painting of a key; base: marks to edit, a transparent PNG in base64."""
    image = f'<img id="brush-base" alt="" hidden src="data:image/png;base64,{base}">' if base else ""
    return TOOLS.format(key=key, base=image)


def limits(number: int, size: int, pixels: int) -> str:
    """How much can be uploaded, and that there are samples."""
    return (
        f'<p class="restora-note">Up to {number} photographs at once, {size / 1e6:g} MB and {pixels / 1e6:g} megapixels'
        " each.</p><p class='restora-note'>Or try one of these:</p>"
    )


def comparison(times: int) -> str:
    """What the comparison shows, after so many restorations one upon the other."""
    return note(f"Left the original, right the result of {times} restorations.") if times > 1 else ""


def time_left(seconds: float | None) -> str:
    """How long something will take, roughly; empty if it is not known."""
    if seconds is None:
        return ""
    if seconds < 10:
        return " a few seconds left"
    if seconds < 50:
        return f" about {round(seconds / 10) * 10} seconds left"
    minutes = max(1, round(seconds / 60))
    return f" about {minutes} minute{'s' * (minutes > 1)} left"


def truncated(names: Sequence[str]) -> str:
    """The question whether to restore the part of truncated files that is present."""
    if len(names) == 1:
        said = f"{names[0]} is damaged: a part of the picture is missing, usually the bottom."
        return note(f"{said} Restore the part that is present?")
    return note(f"{', '.join(names)} are damaged: parts of them are missing. Restore the parts that are present?")


def smaller(factor: int) -> str:
    """A note that the picture is displayed smaller, if so."""
    return note(f"Shown {factor} times smaller; the marks are as sharp as the picture.") if factor > 1 else ""


def progress(text: str, done: int = 0, total: int = 0) -> str:
    """A progress bar with a sentence; without figures it only moves."""
    value = f' value="{done}" max="{total}"' if done else ""
    return f'<div class="restora-progress"><label>{escape(text)}<progress{value}></progress></label></div>'


def findings(sight: Sight) -> str:
    """The findings in plain words, what was not found and what is not looked for; the figures under Details."""
    present = sight.diagnosis.present
    not_found, hidden, unmeasured = absent(sight.diagnosis.findings)
    height, width = sight.shape[:2]
    title = "What I found" if present else "I found no damage"
    lines = "".join(f"<li>{_finding(finding)}</li>" for finding in present.values())
    return (
        f'<section class="restora-findings"><h2>{title}</h2>'
        f"<p class='restora-file'>{escape(sight.path.name)} · {width} × {height}</p>"
        + (f"<ul>{lines}</ul>" if present else "")
        + f'<p class="restora-absent">Looked for and not found: {", ".join(not_found)}.</p>' * bool(not_found)
        + f'<p class="restora-absent">Cannot be detected beneath JPEG blocks: {", ".join(hidden)}.</p>' * bool(hidden)
        + f'<p class="restora-absent">Could not be measured: {", ".join(unmeasured)}.</p>' * bool(unmeasured)
        + f'<p class="restora-absent">Not looked for yet: {", ".join(NOT_LOOKED_FOR)}. Please check these yourself.</p>'
        + _details(sight.diagnosis.findings.values())
        + "</section>"
    )


def _finding(finding: Finding) -> str:
    sure = next(word for least, word in SURE if finding.confidence >= least)
    plain = finding.plain or SIGNS[finding.sign].called
    return f"<b>{escape(plain[0].upper() + plain[1:])}</b> <span>{sure}</span>"


def _details(everything: Iterable[Finding]) -> str:
    """The figures of all signs."""
    lines = "".join(f"<li>{escape(each.says)} ({100 * each.confidence:.0f} % sure)</li>" for each in everything)
    return f'<details class="restora-details"><summary>Details</summary><ul>{lines}</ul></details>'


def step(number: int, one: Step) -> str:
    """A step of the plan with its reason."""
    called = one.weights if one.weights and method_named(one.method).learned else one.method
    return (
        f'<div class="restora-step"><b>{number}. {_aim(one)}</b> <span>{escape(called)}</span>'
        f"<details><summary>Why</summary>{escape(one.because)}</details></div>"
    )


def _aim(one: Step) -> str:
    method = method_named(one.method)
    if "shrink" in method.treats:
        return {"resize": "Resize it", "correct": "Correct it"}.get(method.stage, "Enlarge it")
    kinds = {"Sharpen it": sharpens(one), "Correct the colours": corrects(one), "Fill the hole": fills(one)}
    kinds |= {"Treat it as an old print": translates(one), "Repair JPEG blocks": method.treats == JPEG_ALONE}
    if any(kinds.values()):
        return next(words for words, holds in kinds.items() if holds)
    return "Repair JPEG blocks and noise" if one.weights in PHOTO else "Remove the noise"


def kernel(png: str, shape: tuple[int, ...], times: int, words: str) -> str:
    """The picture of a kernel of a shape (kh, kw), a PNG in base64 that is so many times larger."""
    said = [words, f"{shape[1]} × {shape[0]} pixels", f"shown {times} times larger" if times > 1 else ""]
    return (
        f'<figure class="restora-kernel"><img alt="Blur kernel" src="data:image/png;base64,{png}">'
        f"<figcaption>{'<br>'.join(filter(None, said))}</figcaption></figure>"
    )


NO_STEPS = """<div class="restora-step"><small>There is nothing to restore yet. You can still remove noise, sharpen
a blur, mark scratches or holes to fill, or enlarge the picture.</small></div>"""


def several(number: int) -> str:
    """The title of several pictures, which have a card each."""
    return (
        f'<section class="restora-findings"><h2>{number} pictures</h2><p class="restora-file">Each gets its own plan;'
        " some may stay as they are. Press a picture to look at it.</p></section>"
    )


def scored(before: Scores | None, after: Scores) -> str:
    """PSNR and SSIM before and after, against the reference."""
    was = f"{before.psnr:.2f} → " if before else ""
    alike = f"{before.ssim:.3f} → " if before else ""
    return (
        '<dl class="restora-scores"><div><dt>PSNR</dt>'
        f"<dd>{was}<b>{after.psnr:.2f} dB</b></dd></div><div><dt>SSIM</dt><dd>{alike}<b>{after.ssim:.3f}</b></dd></div>"
        "<p>Against the reference; higher is nearer.</p></dl>"
    )
