"""Remove XMP properties of data that are no longer in the file; all other bytes stay."""

import re
from dataclasses import dataclass, field
from xml.parsers import expat

_CLAIMS = {
    "http://ns.adobe.com/hdr-gain-map/1.0/": "",
    "http://ns.apple.com/HDRGainMap/1.0/": "",
    "http://ns.google.com/photos/1.0/container/": "",
    "http://ns.google.com/photos/1.0/container/item/": "",
    "http://ns.google.com/photos/dd/1.0/container/": "",
    "http://ns.google.com/photos/dd/1.0/item/": "",
    "http://ns.google.com/photos/dd/1.0/device/": "",
    "http://ns.google.com/photos/1.0/camera/": "MicroVideo|MotionPhoto",
}
"""Name spaces of properties that describe a gain map, a video or further pictures, and the start of their names."""
_EXTENDED = {"http://ns.adobe.com/xmp/note/": "HasExtendedXMP"}
"""Says that more XMP follows in separate segments, which libvips does not pass on."""
_IN_EXTENDED = {
    "http://ns.google.com/photos/1.0/depthmap/": "",
    "http://ns.google.com/photos/1.0/image/": "",
    "http://ns.google.com/photos/1.0/audio/": "",
}
"""Name spaces whose data are in such segments: depth, the picture before blurring, sound."""
MOST = 1_000_000
"""Size limit in bytes of XMP to edit; a JPEG segment holds 65,535."""
_TAG = re.compile(rb"<[^>\"']*(?:\"[^\"]*\"[^>\"']*|'[^']*'[^>\"']*)*>")


@dataclass
class _Claims:
    """Collects the positions in XMP of the properties to remove; called by the parser."""

    data: bytes
    wanted: dict[str, str]
    parser: expat.XMLParserType
    spaces: list[dict[str, str]] = field(default_factory=lambda: [{}])
    spans: list[tuple[int, int]] = field(default_factory=list)
    depth: int = 0  # nesting within a removed element
    begin: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        own = {key[6:]: value for key, value in attributes.items() if key.startswith("xmlns:")}
        self.spaces.append(self.spaces[-1] | own)
        at = self.parser.CurrentByteIndex
        if self.depth or self._claims(name):
            self.begin = self.begin if self.depth else at
            self.depth += 1
            return
        tag = _TAG.match(self.data, at)
        for key in filter(self._claims, attributes):
            pattern = rb"\s+" + re.escape(key.encode()) + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"
            found = re.compile(pattern).search(self.data, at, tag.end() if tag else at)
            if found is None:
                raise ValueError("a property cannot be found")
            self.spans.append(found.span())

    def end(self, name: str) -> None:
        self.spaces.pop()
        if not self.depth:
            return
        self.depth -= 1
        if self.depth:
            return
        tag = _TAG.match(self.data, self.begin)
        if tag and not tag[0].endswith(b"/>"):  # the parser is at the end tag
            tag = _TAG.match(self.data, self.parser.CurrentByteIndex)
        if tag is None:
            raise ValueError("an element has no end")
        self.spans.append((self.begin, tag.end()))

    def _claims(self, name: str) -> bool:
        prefix, _, local = name.partition(":")
        beginning = self.wanted.get(self.spaces[-1].get(prefix, ""))
        return beginning is not None and re.match(beginning, local) is not None


def without_claims(xmp: bytes) -> bytes:
    """XMP without properties of data outside the picture: gain map, further pictures, video, and extended XMP.

    Raises ValueError for XMP that cannot be parsed and may contain such properties.
    """
    wanted = _CLAIMS | _EXTENDED
    names = [space for space in wanted if space.encode() in xmp]
    if not names:
        return xmp
    if len(xmp) > MOST:
        raise ValueError("this XMP is too long to edit")
    if any(space in names for space in _EXTENDED):
        wanted |= _IN_EXTENDED
    body = xmp.rstrip(b"\0")
    parser = expat.ParserCreate("utf-8")
    claims = _Claims(body, wanted, parser)
    parser.StartElementHandler, parser.EndElementHandler = claims.start, claims.end
    parser.StartDoctypeDeclHandler = _no_doctype  # entities could expand without limit
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise ValueError(f"this is not XMP: {error}") from error
    for begin, end in sorted(claims.spans, reverse=True):
        xmp = xmp[:begin] + xmp[end:]
    return xmp


def _no_doctype(*declaration: object) -> None:
    raise ValueError("XMP must not have a document type")
