"""Links of the documentation lead somewhere, and so do the pages that the code names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
PAGES = [*(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *sorted(DOCS.rglob("*.md"))]
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^()\s]+)\)|<(?:img|a)[^>]*(?:src|href)=\"([^\"]+)\"")
NAMED_PAGE = re.compile(r"docs/[\w/-]+\.md(?:#[\w-]+)?")
NAMED_PATH = re.compile(r"`((?:benchmarks|convert|docs|examples|model|runtime|sdfl|tests|train)/[\w./-]*)`")
CODE = ("benchmarks", "convert", "examples", "model", "runtime", "sdfl", "train")


def prose(page: Path) -> str:
    """A page without blocks of code and inline code."""
    return re.sub(r"`[^`\n]*`", "", FENCED.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors that both GitHub and the site give to the headings of a page."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    headings = [re.sub(r"[`*]", "", line) for line in re.findall(r"^#+ (.+)$", text, re.M)]
    bare = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"\s", "-", each) for each in bare} & {re.sub(r"[-\s]+", "-", each) for each in bare}


def problem(page: Path, target: str) -> str:
    """What is wrong with a link, "" for a good one."""
    if re.match(r"\w+:", target):
        return ""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return f"{target}: no such file"
    if anchor and anchor not in anchors(file):
        return f"{target}: no such heading, there are {', '.join(sorted(anchors(file)))}"
    if DOCS in page.parents and DOCS not in file.parents:
        return f"{target}: lies outside docs/, where the site cannot lead"
    return ""


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(PROJECT))) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    targets = [first or second for first, second in LINK.findall(prose(page))]
    problems = [found for target in targets if (found := problem(page, target))]
    assert not problems, "\n".join(problems)


def test_pages_that_the_code_names_exist() -> None:
    files = [
        path for name in CODE for path in (PROJECT / name).rglob("*") if path.suffix in (".py", ".toml", ".cpp", ".h")
    ]
    wrong = [
        f"{path.relative_to(PROJECT)}: {named}"
        for path in files
        if path.is_file()
        for named in NAMED_PAGE.findall(path.read_text(encoding="utf-8"))
        if problem(PROJECT / "README.md", named)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=str(page.relative_to(PROJECT))) for page in PAGES if page.name != "CHANGELOG.md"],
)
def test_files_that_a_page_names_exist(page: Path) -> None:
    missing = [path for path in NAMED_PATH.findall(page.read_text(encoding="utf-8")) if not (PROJECT / path).exists()]
    assert not missing, "\n".join(missing)
