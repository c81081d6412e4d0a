"""The pages: their commands, variables, options, programs, links and tests are there."""

from __future__ import annotations

import ast
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from posestream import __main__ as program
from posestream import __version__

ROOT = Path(__file__).parents[2]
# What is said to a playbook, and is no variable of an inventory.
PLAYBOOKS_OWN = {"bundle_onnx", "bundle_cuda", "teardown_data"}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# Pages for those who run a lab: each variable that they name is one of an inventory's.
FOR_OPERATORS = ("README.md", "README.ja.md", "docs/first-hour.md", "docs/operating.md")
FOR_OPERATORS += ("docs/results.md", "docs/troubleshooting.md")
EXAMPLE = "inventories/my-lab"  # what the pages call a lab of one's own, a copy of this:
LAB = "inventories/lab"
MARKDOWN = MarkdownIt("commonmark").enable("table")


def parts(page: Path) -> list:
    """Return the page's tokens, the inner ones after those that have them."""
    return [
        inner
        for token in MARKDOWN.parse(page.read_text())
        for inner in (token, *(token.children or ()))
    ]


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the page's blocks of code as (language, text); without a fence they have none."""
    return [
        (part.info, part.content) for part in parts(page) if part.type in ("fence", "code_block")
    ]


def commands(page: Path) -> list[list[str]]:
    """Return the words of each command in the page's code, in lines and between them."""
    found = [line for language, text in blocks(page) if not language for line in text.splitlines()]
    found += [part.content for part in parts(page) if part.type == "code_inline"]
    split = []
    for line in found:
        for command in re.split(r"&&|\||>>?| '|' ", line):
            try:
                split.append(shlex.split(command))
            except ValueError:  # prose, or a drawing
                continue
    return [words for words in split if words]


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def every(of: list) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", of, ids=ids)


def operators() -> list[Path]:
    return [ROOT / name for name in FOR_OPERATORS]


@pytest.fixture(scope="module")
def variables() -> set[str]:
    """Return all variables of an inventory; a test of their own holds the page to the specs."""
    page = (ROOT / "docs/variables.md").read_text()
    return set(re.findall(r"^\| `([a-z0-9_]+)` \|", page, re.M))


# -- commands ---------------------------------------------------------------------------------


@every(PAGES)
def test_what_is_to_be_made_is_a_target(page):
    rules = re.findall(r"^([a-z0-9 -]+):(?!=)", (ROOT / "Makefile").read_text(), re.M)
    targets = {target for rule in rules for target in rule.split()}
    said = {words[1] for words in commands(page) if words[0] == "make" and len(words) > 1}

    assert said <= targets


@every(PAGES)
def test_playbooks_inventories_and_tags_are_there(page, variables):
    tags = {
        tag
        for path in [
            ROOT / "site.yml",
            *ROOT.glob("playbooks/*.yml"),
            *ROOT.glob("roles/*/tasks/*.yml"),
        ]
        for said in re.findall(r"^ *tags: \[?([a-z, ]+)", path.read_text(), re.M)
        for tag in said.split(", ")
    }
    for words in commands(page):
        if words[0] != "ansible-playbook" or len(words) == 1:
            continue
        assert (ROOT / words[1]).is_file(), words
        for option, value in pairwise(words):
            if option == "-i":
                assert (ROOT / value.replace(EXAMPLE, LAB)).exists(), words
            if option in ("--tags", "--skip-tags"):
                assert set(value.split(",")) <= tags, words
            if option in ("-e", "--extra-vars"):
                name = value.partition("=")[0]
                assert name in variables | PLAYBOOKS_OWN, words


@every(PAGES)
def test_posestream_takes_what_it_is_told(page):
    for words in commands(page):
        if "posestream" in words:
            told = words[words.index("posestream") + 1 :]
        elif words[:3] == ["docker", "compose", "run"]:
            told = words[words.index("openpose") + 1 :]
        else:
            continue
        if told and re.fullmatch(r"[a-z][a-z-]*", told[0]):
            program._parser().parse_args(told)


@every(PAGES)
def test_programs_compile(page):
    for language, text in blocks(page):
        if language == "python":
            ast.parse(text)


# -- variables --------------------------------------------------------------------------------


@every(operators())
def test_variables_are_known(page, variables):
    services = yaml.safe_load((ROOT / "playbooks/group_vars/all/services.yml").read_text())
    owners = "|".join(
        [*services["posestream_services"], "broker", "posestream", "docker", "nvidia"]
    )
    said = {
        name
        for part in parts(page)
        if part.type in ("code_inline", "fence", "code_block")
        for name in re.findall(
            rf"(?<![\w./-])((?:{owners})_[a-z0-9_]*[a-z0-9])(?![\w(/.-])", part.content
        )
    }
    metrics = "".join(path.read_text() for path in (ROOT / "files/openpose").rglob("*metrics.py"))
    counters = {name for name in said if re.sub("^posestream_|_total$", "", name) in metrics}

    assert said - counters - {"posestream_check"} <= variables


@every(operators())
def test_examples_of_inventories_are_yaml(page, variables):
    for language, text in blocks(page):
        if language == "yaml":
            assert yaml.safe_load(text)


# -- links ------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Return the page's anchors, as GitHub makes them of its headings."""
    tokens = MARKDOWN.parse(page.read_text())
    found: list[str] = []
    for opened, inner in pairwise(tokens):
        if opened.type == "heading_open":
            text = "".join(child.content for child in inner.children)
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.append(f"{slug}-{number}" if (number := found.count(slug)) else slug)
    return set(found)


@every(PAGES)
def test_links_lead_somewhere(page):
    targets = [
        str(part.attrs.get("href") or part.attrs.get("src"))
        for part in parts(page)
        if part.type in ("link_open", "image")
    ]
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@every(PAGES)
def test_files_that_are_named_are_there(page):
    """Those of folders that hold nothing but what is in the project."""
    paths = r"(?:roles|playbooks|molecule|tests|scripts|files)/[\w./-]*\w\.\w+"
    said = {part.content for part in parts(page) if part.type == "code_inline"}

    assert [
        name for name in sorted(said) if re.fullmatch(paths, name) and not (ROOT / name).exists()
    ] == []


# -- the pages that promise more --------------------------------------------------------------


def entries() -> list[tuple[str, str]]:
    """Return the entries of the page on troubles as (heading, the line below it)."""
    page = (ROOT / "docs/troubleshooting.md").read_text()
    return re.findall(r"^### (.+)\n(.*)$", page, re.M)


@pytest.mark.parametrize(("heading", "below"), entries())
def test_each_trouble_is_reproduced_by_a_test(heading, below):
    pointer = re.fullmatch(r"<!-- test: (\S+?)(?:::(\w+))? -->", below)
    assert pointer, below
    path, name = ROOT / pointer[1], pointer[2]

    assert path.is_file()
    assert name is None or re.search(rf"^\s*(?:async )?def {name}\(", path.read_text(), re.M)


def test_both_readmes_say_the_same():
    one, other = ROOT / "README.md", ROOT / "README.ja.md"
    headings = [
        [part.tag for part in parts(page) if part.type == "heading_open"] for page in (one, other)
    ]

    assert headings[0] == headings[1]
    assert code(one) == code(other)


def code(page: Path) -> list[str]:
    """Return the page's blocks without comments, and without drawings, which may be translated."""
    return [re.sub(r" +# .*", "", text) for _, text in blocks(page) if "──▶" not in text]


def test_the_version_has_its_entry_in_the_changelog():
    versions = re.findall(
        r"^## \[(.+?)\] - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.M
    )

    assert versions[0][0] == __version__
    assert sorted(versions, key=lambda each: each[1], reverse=True) == versions
    assert "0.1.0" in dict(versions)
