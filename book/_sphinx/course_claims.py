"""Claims: stated in claims.yml, measured in the chapters, listed on the claims page.

`claim` shows one claim where it is measured; `claims-table` lists all of them. The records come
out of the executed pages (see `record_claim` in book/measured.py). Anything that does not fit
together is a warning, which the strict build makes an error.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
CLAIMS = Path(__file__).parents[1] / "claims.yml"
KEY = "claim "
BADGES = {
    "holds": "holds",
    "holds, with conditions": "conditions",
    "does not hold here": "fails",
}


class ClaimNode(nodes.Admonition, nodes.Element):
    """A claim whose measurement is filled in when all pages are read."""


class ClaimsTableNode(nodes.General, nodes.Element):
    """Stands for the list of all claims until all pages are read."""


def load_claims():
    """Return {id: {"chapters": [...], "claim": str, "shows": str}} and {chapter: title}."""
    data = yaml.safe_load(CLAIMS.read_text(encoding="utf8"))
    claims = {}
    for row in data["claims"]:
        if row["id"] in claims:
            raise ValueError(f"{CLAIMS.name} has {row['id']} twice")
        claims[row["id"]] = row
    return claims, data["chapters"]


def chapter_of(docname):
    """Return the chapter's number from book/chNN_slug, or None."""
    found = re.fullmatch(r"book/ch(\d\d)_\w+", docname)
    return int(found[1]) if found else None


class Claim(SphinxDirective):
    """Show the claim with the given id, its verdict and what was measured."""

    required_arguments = 1

    def run(self):
        identifier = self.arguments[0]
        claims, _ = load_claims()
        if identifier not in claims:
            LOGGER.warning("claims.yml has no claim %r", identifier, location=self.get_location())
            return []
        statement, messages = self.parse_inline(claims[identifier]["claim"])
        node = ClaimNode("", nodes.paragraph("", "", *statement), claim=identifier)
        node["ids"] = [f"claim-{identifier.lower()}"]
        self.set_source_info(node)
        self.env.note_dependency(str(CLAIMS))
        return [node, *messages]


class ClaimsTable(SphinxDirective):
    """List every claim: the measured ones with their figures, then those still to come."""

    def run(self):
        claims, chapters = load_claims()
        self.env.note_dependency(str(CLAIMS))
        node = ClaimsTableNode(chapters=chapters)
        for identifier, row in claims.items():
            statement, _ = self.parse_inline(row["claim"])
            shows, _ = self.parse_inline(row["shows"])
            text = [nodes.inline("", "", *statement), nodes.inline("", "", *shows)]
            node += nodes.paragraph("", "", *text, claim=identifier)
        self.set_source_info(node)
        return [node]


def collect(app, doctree):
    """Take the records out of the page that has just been executed and read."""
    env = app.env
    glued = Path(app.outdir).parent / "jupyter_execute" / f"{env.docname}.glue.json"
    records = {}
    if "glue" in env.nb_metadata.get(env.docname, {}):
        for key, output in json.loads(glued.read_text(encoding="utf8")).items():
            if key.startswith(KEY):
                record = json.loads(output["data"]["text/plain"])
                records[record["id"]] = record
    all_records(env)[env.docname] = records


def all_records(env):
    """Return {docname: {id: record}}, kept with the environment."""
    if not hasattr(env, "course_claims"):
        env.course_claims = {}
    return env.course_claims


def purge(app, env, docname):
    all_records(env).pop(docname, None)


def merge(app, env, docnames, other):
    all_records(env).update({name: all_records(other)[name] for name in docnames})


def check(app, env):
    """Warn of records that belong to no claim, to another chapter, or are shown nowhere."""
    claims, _ = load_claims()
    seen = set()
    for docname, records in all_records(env).items():
        shown = {node["claim"] for node in env.get_doctree(docname).findall(ClaimNode)}
        chapter = chapter_of(docname)
        for identifier, record in records.items():
            problem = None
            if identifier not in claims:
                problem = "is not in claims.yml"
            elif chapter not in claims[identifier]["chapters"]:
                problem = f"belongs to chapter {claims[identifier]['chapters']}"
            elif (chapter, identifier) in seen:
                problem = f"is recorded twice for chapter {chapter}"
            elif record["verdict"] not in BADGES:
                problem = f"has the verdict {record['verdict']!r}"
            elif identifier not in shown:
                problem = "is recorded but no claim directive shows it"
            if problem:
                LOGGER.warning("the claim %s %s", identifier, problem, location=docname)
            seen.add((chapter, identifier))


class FillClaims(SphinxPostTransform):
    """Write the measurements into the pages, before references are resolved."""

    default_priority = 5

    def run(self, **options):
        for node in list(self.document.findall(ClaimNode)):
            record = all_records(self.env).get(self.env.docname, {}).get(node["claim"])
            if record is None:
                LOGGER.warning("no cell of this page records %s", node["claim"], location=node)
            node.replace_self(self.claim_box(node, record))
        for node in list(self.document.findall(ClaimsTableNode)):
            node.replace_self(self.table(node))

    def claim_box(self, node, record):
        box = nodes.container(classes=["claim"], ids=node["ids"])
        title = nodes.paragraph(classes=["claim-title"])
        title += nodes.strong("", f"Claim {node['claim']}")
        if record:
            title += [nodes.Text(" "), badge(record["verdict"])]
        box += [title, *node.children]
        if record:
            box += measurement(record, self.env.docname)
        return box

    def table(self, node):
        rows = defaultdict(list)
        for _, records in sorted(all_records(self.env).items()):
            for identifier, record in records.items():
                rows[identifier].append(record)
        claims, _ = load_claims()
        result = nodes.container(classes=["claims"])
        for number, title in node["chapters"].items():
            here = [p for p in node.children if claims[p["claim"]]["chapters"][0] == number]
            done = [p for p in here if p["claim"] in rows]
            pending = [p for p in here if p["claim"] not in rows]
            result += nodes.rubric("", f"Chapter {number}: {title}")
            for paragraph in done:
                result += self.listed(paragraph, rows[paragraph["claim"]])
            if pending:
                result += still_to_come(pending)
        return result

    def listed(self, paragraph, measured):
        box = nodes.container(classes=["claim"])
        title = nodes.paragraph(classes=["claim-title"])
        title += nodes.strong("", paragraph["claim"])
        box += [title, nodes.paragraph("", "", paragraph[0])]
        for record in measured:
            line = nodes.paragraph("", "", badge(record["verdict"]))
            box += [line, *measurement(record, self.env.docname)]
        return box


def badge(verdict):
    return nodes.inline("", verdict, classes=["verdict", f"verdict-{BADGES.get(verdict, 'fails')}"])


def measurement(record, docname):
    """Return the paragraphs that say what was measured, against what, and where it is shown.

    `docname` is the page that they stand on.
    """
    line = nodes.paragraph(classes=["claim-measured"])
    line += [nodes.Text(f"{record['measured'].capitalize()[:1]}{record['measured'][1:]}: ")]
    line += nodes.strong("", record["value"])
    if record["baseline"] is not None:
        line += nodes.Text(f"; {record['baseline_name']}: {record['baseline']}")
    line += [nodes.Text(". Shown in "), figure_link(record["figure"], docname), nodes.Text(".")]
    if not record["conditions"]:
        return [line]
    return [line, nodes.paragraph("", record["conditions"], classes=["claim-conditions"])]


def figure_link(label, docname):
    """Return a reference that Sphinx resolves, or warns of, like any other."""
    reference = addnodes.pending_xref(
        "", reftype="numref", refdomain="std", reftarget=label, refdoc=docname, refexplicit=False
    )
    reference["refwarn"] = True
    reference += nodes.literal("", label, classes=["xref", "std", "std-numref"])
    return reference


def still_to_come(paragraphs):
    """Return the list of claims that no chapter has measured yet."""
    items = nodes.bullet_list(classes=["claims-pending"])
    for paragraph in paragraphs:
        line = nodes.paragraph("", "", nodes.strong("", paragraph["claim"]), nodes.Text(" "))
        line += [paragraph[0], nodes.Text(" To be shown by "), paragraph[1], nodes.Text(".")]
        items += nodes.list_item("", line)
    return [nodes.paragraph("", "Still to be measured:"), items]


def setup(app):
    app.add_node(ClaimNode)
    app.add_node(ClaimsTableNode)
    app.add_directive("claim", Claim)
    app.add_directive("claims-table", ClaimsTable)
    app.add_post_transform(FillClaims)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-check-consistency", check)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
