"""The command measure: scores of a picture, or of the pictures in a folder, against references."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restora.app.many import ALL_FAILED, SOME_FAILED
from restora.app.options import AsJson, Source, show_json
from restora.core.errors import BadImage, RestoraError

if TYPE_CHECKING:
    from restora.metrics.protocol import Protocol


def measure(
    picture: Source,
    reference: Annotated[Path, typer.Argument(help="The reference picture, or a folder of them.")],
    protocol: Annotated[str, typer.Option(help="denoise, sr-y, sr-rgb, jpeg-y, deblur or float.")] = "denoise",
    scale: Annotated[int, typer.Option(min=1, help="Scale of super-resolution, by which its protocols crop.")] = 1,
    ssim: Annotated[str, typer.Option(help="wang (the usual one) or uniform (scikit-image's default).")] = "wang",
    as_json: AsJson = False,
) -> None:
    """Measure PSNR and SSIM of a picture against a reference, by a named protocol; jpeg-y adds PSNR-B.

    With two folders, each picture is measured against the reference of the same name, whatever its ending; for
    photo.restored.jpg that is photo. There is a line for each and one for the means; with --json a document in each.

    Example: restora measure bad.png clean.png --protocol deblur --json
    Example: restora measure fixed photos
    """
    from restora.metrics.protocol import protocol_named, with_ssim

    chosen = with_ssim(protocol_named(protocol), ssim)
    if picture.is_dir() and reference.is_dir():
        return _measure_folders(picture, reference, chosen, scale, as_json)
    scores, told = _scores(picture, reference, chosen, scale)
    if as_json:
        show_json(_as_json(scores, chosen, scale))
    else:
        print(f"{told} ({chosen.name}: {chosen.about})")


def _scores(picture: Path, reference: Path, protocol: "Protocol", scale: int) -> tuple[dict[str, float], str]:
    """The scores by name, and in words."""
    from restora.files.picture import read
    from restora.metrics.scores import measure as scores_of

    scores = scores_of(read(picture).pixels, read(reference).pixels, protocol, scale)
    facts = {"psnr": scores.psnr, "psnr_b": scores.psnr_b, "ssim": scores.ssim}
    known = {name: value for name, value in facts.items() if value is not None}
    return known, _in_words(known)


def _in_words(scores: dict[str, float]) -> str:
    in_blocks = f", PSNR-B {scores['psnr_b']:.2f} dB" if "psnr_b" in scores else ""
    return f"PSNR {scores['psnr']:.2f} dB{in_blocks}, SSIM {scores['ssim']:.4f}"


def _as_json(scores: dict[str, float], protocol: "Protocol", scale: int) -> dict[str, Any]:
    finite = {name: "inf" if value == float("inf") else value for name, value in scores.items()}
    return {**finite, "protocol": {**protocol.as_dict(), "scale": scale}}


def _measure_folders(pictures: Path, references: Path, protocol: "Protocol", scale: int, as_json: bool) -> None:
    """Print the scores of all pictures of a folder, and the means. Raises BadImage for folders without pairs."""
    pairs = _pairs(pictures, references)
    found, failed = [], 0
    for picture, reference in pairs:
        try:
            scores, told = _scores(picture, reference, protocol, scale)
        except RestoraError as error:
            failed += 1
            print(f"restora: {error if str(picture) in str(error) else f'{picture}: {error}'}", file=sys.stderr)
            continue
        found.append(scores)
        line = {"picture": str(picture), "reference": str(reference), **_as_json(scores, protocol, scale)}
        print(json.dumps(line) if as_json else f"{picture.name}: {told}")
    if found:
        means = {name: sum(each[name] for each in found) / len(found) for name in found[0]}
        told = f"mean of {len(found)}: {_in_words(means)} ({protocol.name}: {protocol.about})"
        print(json.dumps({"mean": _as_json(means, protocol, scale), "pictures": len(found)}) if as_json else told)
    if failed:
        raise typer.Exit(SOME_FAILED if found else ALL_FAILED)


def _pairs(pictures: Path, references: Path) -> list[tuple[Path, Path]]:
    """The pictures of a folder that have a reference of their name in another one, with it."""
    from restora.files.listing import listing

    known = {found.path.stem.casefold(): found.path for found in listing([references]).found}
    named = [(found.path, found.path.stem.casefold().removesuffix(".restored")) for found in listing([pictures]).found]
    pairs = [(path, known[name]) for path, name in named if name in known]
    if not pairs:
        raise BadImage(f"no picture in {pictures} has the name of one in {references}")
    return pairs
