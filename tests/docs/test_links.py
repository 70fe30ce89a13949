"""Every link of the pages leads somewhere, every page is in the site, and the gallery shows every method."""

import re
import tomllib
from pathlib import Path

import pytest

from restora.methods.table import METHODS

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])


def without_code(text):
    text = re.sub(r"^```.*?^```|^ {4}.*?$|<!--.*?-->", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def links(text):
    return re.findall(r"\]\(([^)\s]+)\)", without_code(text))


def anchors(text):
    """The ids of the headings of a page, as GitHub and MkDocs make them."""
    heads = re.findall(r"^#+ (.+?)\s*$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", head.lower())).strip("-") for head in heads}


def broken(page, text):
    """The links of a page that lead nowhere."""
    for link in links(text):
        if re.match(r"https?://|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.is_file() or (anchor and anchor not in anchors(target.read_text())):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    assert list(broken(page, page.read_text())) == []


def test_a_broken_link_is_found():
    page = DOCS / "index.md"
    text = "[a](gone.md) [b](fix.md#no-such-part) [c](#a-page-with-code) `[d](e)` [f](images/icon.png)\n"
    assert list(broken(page, text)) == ["gone.md", "fix.md#no-such-part", "#a-page-with-code"]
    assert anchors("# A page, with figures\n") == {"a-page-with-figures"}


def test_pages_of_the_site_link_to_nothing_outside_it():
    outside = [
        (page.name, link) for page in DOCS.glob("*.md") for link in links(page.read_text()) if link.startswith("..")
    ]
    assert outside == []


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text()
    named = set(re.findall(r"([\w-]+\.md)", text.partition("\nnav:")[2]))
    assert {page.name for page in DOCS.glob("*.md")} <= named


def test_nothing_is_loaded_from_other_servers():
    """In the page of the survey; that of the site is checked when it is built."""
    text = (DOCS / "survey.html").read_text()
    assert "http" not in re.sub(r"<(p|td|code)\b.*?</\1>", "", text, flags=re.DOTALL) and "<script src" not in text


def test_the_gallery_has_an_equation_and_a_picture_of_every_method():
    with (DOCS / "gallery.toml").open("rb") as file:
        equations = tomllib.load(file)
    assert set(equations) == set(METHODS)
    for equation in equations.values():
        depth = [equation[:end].count("{") - equation[:end].count("}") for end in range(len(equation) + 1)]
        assert min(depth) == 0 and depth[-1] == 0, equation
    page = (DOCS / "gallery.md").read_text()
    for name in METHODS:
        part = page.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        assert "$$" in part and (f"gallery/{name}.jpg" in part or "No picture: " in part), name


def test_the_pictures_of_the_gallery_stay_small():
    assert sum(path.stat().st_size for path in (DOCS / "images" / "gallery").iterdir()) < 2_000_000
