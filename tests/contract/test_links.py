"""Every link of the documentation leads to a file, and to a heading that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.workflow_file import ROOT

# What is made, fetched or hidden is no documentation.
ELSEWHERE = re.compile(r"^(\.|build$|dist$|node_modules$)")
PAGES = [
    page
    for page in sorted(ROOT.rglob("*.md"))
    if not any(map(ELSEWHERE.match, page.relative_to(ROOT).parts))
]
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)|(?:src|srcset|href)=\"([^\"]+)\"")


def prose(page: Path) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL)


def anchor_of(heading: str) -> str:
    """The name that GitHub gives to a heading: lower case, without marks, hyphens for spaces."""
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """Those of all headings; one that comes again gets a number."""
    found: dict[str, int] = {}
    names = set()
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for heading in re.findall(r"^#+ (.+?)\s*$", text, re.MULTILINE):
        name = anchor_of(heading)
        names.add(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    for linked in LINK.findall(prose(page)):
        target, _, anchor = (linked[0] or linked[1]).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{target} does not exist"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{target or page.name} has no heading #{anchor}"


def test_a_dead_link_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One [two](x) `three`\n\n[a](#one-two-three) [b](#nowhere)\n")
    assert anchors(page) == {"one-two-three"}
    assert LINK.findall(prose(page))[-1][0] == "#nowhere"


LONG_LINES = 100  # more is scrolled, and nobody sees at the top what there is


@pytest.mark.parametrize(
    "page",
    [
        page
        for page in PAGES
        if page.parent == ROOT / "docs" and len(page.read_text("utf-8").splitlines()) > LONG_LINES
    ],
    ids=lambda page: page.name,
)
def test_a_long_page_says_at_its_top_what_it_holds(page: Path) -> None:
    text = prose(page)
    listed = [target for target, _ in LINK.findall(text[: text.index("\n## ")])]
    for subject in re.findall(r"^## (.+?)\s*$", text, re.MULTILINE):
        assert f"#{anchor_of(subject)}" in listed, f"{page.name} does not list {subject}"


def test_every_page_of_the_documentation_is_one_click_from_the_readme() -> None:
    readme = ROOT / "README.md"
    linked = {(first or second).partition("#")[0] for first, second in LINK.findall(prose(readme))}
    pages = {f"docs/{page.name}" for page in PAGES if page.parent == ROOT / "docs"}
    assert pages <= linked


# What a stranger asks first, and the link of the README that answers it.
ASKED = {
    "how much does it cost": "docs/cost.md",
    "what happens to a bad picture": "docs/client.md#codes",
    "how do I delete": "docs/operations.md#delete-pictures",
    "how do I upgrade": "UPGRADING.md",
    "how do I roll back": "docs/operations.md#roll-back",
    "which rights does it need": "docs/first-steps.md#five-steps",
    "which rights do I need": "docs/operations.md#rights-of-an-operator",
}


@pytest.mark.parametrize("question", ASKED)
def test_what_a_stranger_asks_first_is_one_click_from_the_readme(question: str) -> None:
    links = {first or second for first, second in LINK.findall(prose(ROOT / "README.md"))}
    assert ASKED[question] in links


def test_the_readme_is_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120


PICTURES = [path for path in (ROOT / "docs/pictures").rglob("*") if path.suffix in (".jpg", ".svg")]


def test_every_picture_is_said_in_words_too() -> None:
    told = 0
    for page in PAGES:
        text = prose(page)
        said = re.findall(r"!\[([^\]]*)\]\(", text)
        for image in re.findall(r"<img [^>]*>", text):
            said += re.findall(r'alt="([^"]*)"', image) or [""]
        assert all(len(words) > 5 for words in said), f"{page.name}: {said}"
        told += len(said)
    assert told > 10


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small_enough_for_a_clone_and_shown(picture: Path) -> None:
    assert picture.stat().st_size <= 200_000
    names = [
        target for page in PAGES for target in re.findall(r"[\w./-]+", page.read_text("utf-8"))
    ]
    assert any(name.endswith(f"/{picture.name}") for name in names), "no page shows it"
