"""What the page says, as HTML. Whatever comes from a visitor, such as a file's name, is escaped here."""

from collections.abc import Sequence
from html import escape

from restora.app.desk import Sight
from restora.core.diagnosis import Finding
from restora.core.plan import Plan, Step
from restora.methods.table import method_named
from restora.metrics.scores import Scores

NAMES = {
    "impulse": "black and white dots",
    "noise_level": "noise",
    "speckle": "speckle",
    "camera_noise": "coarse grain",
    "jpeg_quality": "JPEG blocks",
}
"""Signs in plain words; one that is not here is called by its own name."""
SURE = ((0.95, "certain"), (0.8, "quite sure"), (0.6, "fairly sure"), (0.0, "a guess"))
"""Confidence from which on a word is used."""

TITLE = """<header class="restora-title"><h1>Restora</h1>
<p>Takes noise out of photographs, fills scratches, makes small ones larger, and sends nothing anywhere.</p></header>"""
FOOT = """<footer class="restora-foot"><p>Pictures and results are kept for {minutes:g} minutes, then erased. Nothing is
sent elsewhere. <a href="/docs">For programs: the API</a></p></footer>"""


TOOLS = """<div class="restora-tools"><label>Brush <input id="brush-width" type="range" min="0.2" max="10" step="0.2"
value="2" aria-label="Width of the brush"></label><button id="brush-undo" type="button">Undo</button>
<button id="brush-clear" type="button">Clear</button></div>"""
HOW = "<p class='restora-note'>Left before, right after. Drag the line; scroll or pinch to look closer.</p>"


def called(sign: str) -> str:
    """A sign in plain words."""
    return NAMES.get(sign, sign.replace("_", " "))


def trouble(text: str) -> str:
    """A sentence about what went wrong."""
    return f'<p class="restora-trouble" role="alert">{escape(text)}</p>' if text else ""


def note(text: str) -> str:
    """A sentence about where things stand."""
    return f'<p class="restora-note">{escape(text)}</p>' if text else ""


def smaller(factor: int) -> str:
    """That a picture is not shown whole, if so."""
    return note(f"Shown {factor} times smaller; the download has every pixel.") if factor > 1 else ""


def progress(text: str, done: int = 0, total: int = 0) -> str:
    """A bar with a sentence; without figures it only moves."""
    value = f' value="{done}" max="{total}"' if done else ""
    return f'<div class="restora-progress"><label>{escape(text)}<progress{value}></progress></label></div>'


def findings(sight: Sight) -> str:
    """What was found in a picture, what it was called by the measurement, and what was not found."""
    everything = sight.diagnosis.findings
    found = [finding for finding in everything.values() if finding.present]
    absent = [called(name) for name, finding in everything.items() if not finding.present]
    height, width = sight.shape[:2]
    title = "What I found" if found else "Nothing wrong was found"
    lines = "".join(f"<li>{_finding(finding)}</li>" for finding in found)
    return (
        f'<section class="restora-findings"><h2>{title}</h2>'
        f"<p class='restora-file'>{escape(sight.path.name)} · {width} × {height}</p>"
        + (f"<ul>{lines}</ul>" if found else "")
        + (f'<p class="restora-absent">Looked for and not found: {", ".join(absent)}.</p>' if absent else "")
        + "</section>"
    )


def _finding(finding: Finding) -> str:
    sure = next(word for least, word in SURE if finding.confidence >= least)
    name = called(finding.sign)
    return (
        f"<b>{name[0].upper()}{name[1:]}</b> <span>{sure}, {100 * finding.confidence:.0f} %</span>"
        f"<small>{escape(finding.says)}</small>"
    )


def step(number: int, one: Step) -> str:
    """A step of the plan with its reason."""
    return (
        f'<div class="restora-step"><b>{number}. {_aim(one)}</b> <span>{escape(one.weights or one.method)}</span>'
        f"<small>because: {escape(one.because)}</small></div>"
    )


def _aim(one: Step) -> str:
    method = method_named(one.method)
    if "shrink" not in method.treats:
        return "Fill the hole" if "hole" in method.treats else "Remove the noise"
    return {"resize": "Bring it to its size", "correction": "Correct it"}.get(method.kind, "Make it larger")


def no_steps(plan: Plan) -> str:
    """Why there is nothing to do."""
    return f'<div class="restora-step"><small>{escape(plan.because.capitalize())}.</small></div>'


def several(sights: Sequence[Sight]) -> str:
    """A line for each of several pictures."""
    lines = []
    for sight in sights:
        found = [called(name) for name, finding in sight.diagnosis.findings.items() if finding.present]
        lines.append(f"<li><b>{escape(sight.path.name)}</b><small>{', '.join(found) or 'nothing found'}</small></li>")
    return f'<section class="restora-findings"><h2>{len(sights)} pictures</h2><ul>{"".join(lines)}</ul></section>'


def scored(before: Scores | None, after: Scores) -> str:
    """How much nearer to the reference the picture has come."""
    was = f"{before.psnr:.2f} → " if before else ""
    alike = f"{before.ssim:.3f} → " if before else ""
    return (
        '<dl class="restora-scores"><div><dt>PSNR</dt>'
        f"<dd>{was}<b>{after.psnr:.2f} dB</b></dd></div><div><dt>SSIM</dt><dd>{alike}<b>{after.ssim:.3f}</b></dd></div>"
        "<p>Against the reference; higher is nearer.</p></dl>"
    )
