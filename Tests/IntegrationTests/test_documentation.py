"""Every code block of every page is run, each in its language; what pages say inline exists."""

import pytest

from support.documentation import compiler, runners
from support.documentation.pages import blocks
from support.documentation.workshop import Workshop

BLOCKS = blocks()
MOST_SKIPPED = 4


@pytest.fixture(scope="module")
def workshop_of(tmp_path_factory):
    """The workshop of a page, with what its blocks above have left there."""
    opened: dict[str, Workshop] = {}

    def open_workshop(page: str) -> Workshop:
        if page not in opened:
            for other in opened.values():
                other.stops_serving()
            opened[page] = Workshop(tmp_path_factory.mktemp("page"))
        return opened[page]

    yield open_workshop
    for workshop in opened.values():
        workshop.stops_serving()


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.name}-{block.language}")
def test_what_the_page_shows_is_so(block, workshop_of):
    if reason := block.marks.get("skip"):
        pytest.skip(reason)
    runners.run(block, workshop_of(block.page))


@pytest.mark.parametrize("place,code", compiler.comments(), ids=lambda text: text if "\n" not in text else "")
def test_examples_in_comments_compile(place, code, tmp_path):
    complaint = compiler.comment_typechecks(place, code, tmp_path / "main.swift")
    assert not complaint, complaint


def test_what_the_guide_prints_can_be_pasted(tmp_path):
    """`parley serve --dev`: each line behind four spaces but those of JavaScript."""
    workshop = Workshop(tmp_path)
    workshop.runs("parley serve --dev")
    try:
        lines = (tmp_path / "serve.out").read_text().splitlines()
        commands = [line.strip() for line in lines if line.startswith("    ") and not line.strip().startswith("io(")]
        assert len(commands) >= 8
        for command in commands:
            status, said = workshop.runs(command.replace("curl ", "curl -fsS "))
            assert status == 0, f"{command}\n{said}"
    finally:
        workshop.ends_servers()


def test_few_blocks_are_not_run():
    skipped = [f"{block.name}: {block.marks['skip']}" for block in BLOCKS if "skip" in block.marks]
    assert len(skipped) <= MOST_SKIPPED, "\n".join(skipped)
