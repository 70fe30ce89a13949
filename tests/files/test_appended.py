"""JPEG files with more behind the picture: nothing goes without a word, and XMP does not describe what is gone."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import pyvips
from PIL import Image as Pillow

from restora.core.plan import Plan, Step
from restora.files.appended import Appended, appended
from restora.files.picture import open_picture, read
from restora.files.save import write
from restora.files.xmp import without_claims
from restora.work.restore import restore_file

MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20
HEAD = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
)
TAIL = b"</rdf:RDF></x:xmpmeta>\n" + b" " * 50 + b'<?xpacket end="w"?>'
KEPT = b'<dc:title xmlns:dc="http://purl.org/dc/elements/1.1/">H\xc3\xbcgel &amp; See</dc:title>'
SPACES = (
    b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"\n'
    b' xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    b' xmlns:Item="http://ns.google.com/photos/1.0/container/item/" xmlns:note="http://ns.adobe.com/xmp/note/"'
    b' xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"'
)
DIRECTORY = (
    b'<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"/></rdf:li>'
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="GainMap"'
    b' Item:Length="99"/></rdf:li></rdf:Seq></Container:Directory>'
)
CLAIMS = [
    (b' hdrgm:Version="1.0"', b""),
    (b"", DIRECTORY),
    (b" hdrgm:Version = \"1>0\"\n  GCamera:MotionPhoto='1' ", DIRECTORY),
    (b' GCamera:MicroVideo="1" GCamera:MicroVideoVersion="1" GCamera:MicroVideoOffset="5132"', b""),
    (b"", b"<GCamera:MotionPhoto>1</GCamera:MotionPhoto><hdrgm:Version/>"),
    (b' note:HasExtendedXMP="ABC" GDepth:Format="RangeInverse"', b""),
]


def xmp(attributes=b"", elements=b""):
    described = b'<rdf:Description rdf:about="" ' + SPACES + attributes + b' GCamera:BurstID="7">' + KEPT
    return HEAD + described + elements + b"<a> b </a></rdf:Description>" + TAIL


def jpeg(photo, **options):
    buffer = io.BytesIO()
    Pillow.fromarray(np.uint8(255 * photo)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("attributes", "elements"), CLAIMS)
def test_claims_are_removed_and_all_else_stays_byte_for_byte(attributes, elements):
    cleaned = without_claims(xmp(attributes, elements))
    assert cleaned.replace(b" ", b"") == xmp().replace(b" ", b"") and len(cleaned) >= len(xmp()) - 2
    ET.fromstring(cleaned[cleaned.index(b"<x:") : cleaned.index(b"<?xpacket end")])  # still well formed
    assert without_claims(cleaned) == cleaned


def test_other_prefixes_are_understood_and_other_names_left_alone():
    odd = xmp(b' g:Version="1.0" Container:Version="2" xmlns:g="http://ns.adobe.com/hdr-gain-map/1.0/"')
    assert b"g:Version" not in without_claims(odd) and b"Container:Version" not in without_claims(odd)
    ours = xmp().replace(b"http://ns.adobe.com/hdr-gain-map/1.0/", b"http://example.com/")
    ours = ours.replace(b"<a> b </a>", b"<hdrgm:Version>1</hdrgm:Version>")
    assert without_claims(ours) == ours
    assert without_claims(b"no XMP at all") == b"no XMP at all"
    with pytest.raises(ValueError, match="not XMP"):
        without_claims(b"<x>http://ns.adobe.com/hdr-gain-map/1.0/")
    with pytest.raises(ValueError, match="must not have a document type"):
        without_claims(b'<!DOCTYPE x [<!ENTITY a "b">]><x>http://ns.adobe.com/hdr-gain-map/1.0/</x>')


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}, {"quality": 100}])
def test_what_stands_behind_a_picture_is_found(tmp_path, photo, monkeypatch, options):
    thumbnail = jpeg(photo[:40, :40])
    first = jpeg(photo, exif=b"Exif\0\0II*\0" + thumbnail, **options)
    second = jpeg(photo[:64, :64])
    gain_map = jpeg(photo[:64, :64], xmp=xmp(b' hdrgm:Version="1.0"'))
    samsung = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + VIDEO
    cases = {
        b"": Appended(),
        bytes(5000): Appended(),
        b"\r\n": Appended(),
        second: Appended(pictures=1),
        gain_map + bytes(99) + second + second: Appended(gain_maps=1, pictures=2),
        VIDEO: Appended(video=True),
        gain_map + VIDEO: Appended(gain_maps=1, video=True),
        samsung: Appended(video=True),
        b"something": Appended(other=9),
        second[: len(second) // 2]: Appended(pictures=1),
    }
    for block in (1 << 20, 7):
        monkeypatch.setattr("restora.files.appended._BLOCK", block)
        for tail, expected in cases.items():
            (tmp_path / "a.jpg").write_bytes(first + tail)
            assert appended(tmp_path / "a.jpg") == expected, (block, tail[:20])
    for cut in (1, 3, len(first) // 2, len(first) - 1):
        (tmp_path / "a.jpg").write_bytes(first[:cut])
        assert appended(tmp_path / "a.jpg") == Appended()


def ultra_hdr(path, described):
    """A JPEG with a gain map as libultrahdr writes it, and the XMP of Google's format."""
    gradient = pyvips.Image.identity().copy(interpretation="b-w").resize(1, vscale=200)
    bright = gradient.bandjoin([gradient, gradient]).copy(interpretation="srgb").colourspace("scrgb") * 3
    bright.copy(interpretation="scrgb").uhdrsave(str(path))
    data = path.read_bytes()
    block = b"http://ns.adobe.com/xap/1.0/\0" + described
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block + data[2:])


@pytest.mark.parametrize("large", [False, True])
def test_the_gain_map_of_an_ultra_hdr_jpeg_goes_with_all_that_names_it(tmp_path, monkeypatch, large):
    if large:
        monkeypatch.setattr("restora.files.picture.WHOLE", 1000)
    described = xmp(b' hdrgm:Version="1.0"', DIRECTORY)
    ultra_hdr(tmp_path / "a.jpg", described)
    picture = open_picture(tmp_path / "a.jpg")
    assert picture.format == "jpg" and picture.meta.exif
    with Pillow.open(tmp_path / "a.jpg") as other:
        assert np.array_equal(np.asarray(other), np.rint(picture.load().pixels * 255))
    report = restore_file(tmp_path / "a.jpg", tmp_path / "b.jpg", MEDIAN)
    told = " ".join(report.warnings)
    assert "gain map" in told and "XMP" in told and "video" not in told and "picture" not in told
    written = (tmp_path / "b.jpg").read_bytes()
    assert not any(word in written for word in (b"MPF\0", b"hdrgm:Version", b"GainMap", b"21496"))
    assert KEPT in written and read(tmp_path / "b.jpg").meta.exif and read(tmp_path / "b.jpg").meta.notes == ()
    report = restore_file(tmp_path / "a.jpg", tmp_path / "c.jpg", Plan((), "left alone"))
    assert report.warnings == [] and (tmp_path / "c.jpg").read_bytes() == (tmp_path / "a.jpg").read_bytes()


def test_the_second_picture_of_a_pair_and_the_video_of_a_motion_photo_are_told(tmp_path, photo):
    pair = [Pillow.fromarray(np.uint8(255 * photo[:, start : start + 200])) for start in (0, 20)]
    pair[0].save(tmp_path / "pair.jpg", "MPO", save_all=True, append_images=pair[1:])
    described = xmp(b' GCamera:MicroVideo="1" GCamera:MicroVideoOffset="5132"')
    (tmp_path / "motion.jpg").write_bytes(jpeg(photo, xmp=described, comment="kept") + VIDEO)
    assert read(tmp_path / "pair.jpg").meta.notes == ("the second picture in the file was not kept",)
    image = read(tmp_path / "motion.jpg")
    assert image.meta.notes[0] == "the video of this motion photo was not kept" and len(image.meta.notes) == 2
    for name in ("pair", "motion"):
        for kind in ("jpg", "png"):
            write(read(tmp_path / f"{name}.jpg"), tmp_path / f"{name}.out.{kind}")
            data = (tmp_path / f"{name}.out.{kind}").read_bytes()
            assert b"MPF\0" not in data and b"ftyp" not in data and b"MicroVideo" not in data
    assert read(tmp_path / "motion.out.jpg").meta.xmp == without_claims(described)


def test_xmp_that_lies_and_cannot_be_edited_is_not_kept(tmp_path, photo):
    broken = b"<x>http://ns.google.com/photos/1.0/container/"
    (tmp_path / "a.jpg").write_bytes(jpeg(photo, xmp=broken) + jpeg(photo))
    image = read(tmp_path / "a.jpg")
    assert image.meta.xmp is None and "XMP was not kept" in image.meta.notes[1]
    (tmp_path / "b.jpg").write_bytes(jpeg(photo, xmp=b"<broken>"))  # says nothing of other data, as far as one sees
    assert read(tmp_path / "b.jpg").meta.xmp == b"<broken>" and read(tmp_path / "b.jpg").meta.notes == ()
