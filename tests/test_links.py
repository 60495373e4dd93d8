"""The links as they are written: inner ones lead somewhere, outer ones are well formed."""

import functools
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("book/*.md")])
SOURCES = [*PAGES, *sorted(ROOT.glob("rnn_course/**/*.py")), *sorted(ROOT.glob("solutions/*.py"))]
SOURCES += [ROOT / "book/references.bib"]

CODE = re.compile(r"^(`{3,}|~{3,})(?!\{).*?^\1|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)", re.DOTALL | re.M)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
LABEL = re.compile(r"^\(([\w:.-]+)\)=|^:(?:name|label):\s*(\S+)", re.MULTILINE)
ADDRESS = re.compile(r"https?:[^\s<>\"'`)\]}]*")
DOI_MENTION = re.compile(
    r"(?:\bdoi:\s?|\bdoi\.org/|\bdoi\s*=\s*[{\"])([^\s{}\"'`<>]*)", re.I | re.M
)
DOI = re.compile(r"10\.\d{4,9}/[\w.()/:;-]*[\w)]")


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


@functools.cache
def read(path):
    return path.read_text(encoding="utf-8")


def find_links(text):
    return [first or second for first, second in LINK.findall(CODE.sub("", text))]


@functools.cache
def find_anchors(path):
    """Return what a link can end in: labels, and headings in the form that hosting sites use."""
    text = read(path)
    headings = re.findall(r"^#+\s+(.+?)\s*$", CODE.sub("", text), re.MULTILINE)
    words = [re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings]
    labels = {first or second for first, second in LABEL.findall(text)}
    return labels | {re.sub(r"\s", "-", heading) for heading in words}


def broken_links(path, text):
    broken = []
    for link in find_links(text):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = path.parent / unquote(parts.path) if parts.path else path
        if not target.exists():
            broken.append(f"{link}: there is no {target}")
        elif parts.fragment and target.suffix == ".md":
            # within the book a label alone is enough, on whichever page it stands
            pages = [target] if parts.path else [target, *ROOT.glob("book/*.md")]
            if not any(parts.fragment in find_anchors(page) for page in pages):
                broken.append(f"{link}: no such heading or label")
    return broken


def malformed_addresses(text):
    wrong = []
    for address in ADDRESS.findall(text):
        parts = urlsplit(address.rstrip(".,;:"))
        if parts.hostname in ("localhost", "127.0.0.1"):
            continue
        if parts.scheme != "https" or not re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", parts.netloc):
            wrong.append(address)
    return wrong


def malformed_dois(text):
    dois = [doi.rstrip(".,;:") for doi in DOI_MENTION.findall(text)]
    # a bracket around the mention is not part of the doi
    dois = [doi.removesuffix(")") if doi.count("(") < doi.count(")") else doi for doi in dois]
    return [doi for doi in dois if not DOI.fullmatch(doi)]


@named(PAGES)
def test_inner_links_lead_to_a_file_and_a_heading(path):
    """Does every relative link of a text name a file of the repository and an anchor in it?"""
    assert broken_links(path, read(path)) == []


@named(SOURCES)
def test_outer_links_are_well_formed(path):
    """Is every address https with a real host name, and every doi spelt as one?"""
    assert malformed_addresses(read(path)) == []
    assert malformed_dois(read(path)) == []


def test_broken_links_are_found():
    """Are planted mistakes seen, and sound links and code left alone?"""
    sound = "[a](LICENSE) [b](README.md) `[c](gone)` [d](https://example.org/x_(y))\n```\n[e](gone)\n```"
    assert broken_links(ROOT / "README.md", sound) == []
    broken = "[a](gone.md) [b](README.md#gone) [c](#gone)\n\n[d]: gone/too.md\n"
    assert len(broken_links(ROOT / "README.md", broken)) == 4


def test_malformed_addresses_and_dois_are_found():
    """Are a bare http, a host without a dot, and misspelt dois seen?"""
    sound = "https://example.org/a. (https://example.org) http://localhost:8000/"
    assert malformed_addresses(sound) == []
    assert len(malformed_addresses("http://example.org https:/example.org https://example")) == 3
    sound = "(doi:10.1207/s15516709cog1402_1), doi = {10.1162/neco.1997.9.8.1735}"
    assert malformed_dois(sound) == []
    assert len(malformed_dois("doi:1207/a https://doi.org/10.12/a doi = {10.1207/}")) == 3
