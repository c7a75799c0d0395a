"""What pages say outside of code blocks: options, metrics, commands in the middle of a sentence, links."""

import os.path
import re
import subprocess

import pytest

from support import binary, http
from support.documentation import compiler
from support.documentation.pages import FENCE, pages

COMMANDS = ["serve", "connect", "token", "backends", "check-config", "healthcheck", "version"]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(
    r"^(?:[A-Z_]+=\S* )*(?P<program>(?:parley|make|(?:scripts|deploy|Tests|Benchmarks|Conformance|Fuzz|Examples)/[\w./-]+)(?= |$))(?P<rest>.*)$"
)


def prose(page: str) -> str:
    """A page without its blocks of code."""
    lines, is_code = [], False
    for line in pages()[page].splitlines():
        if FENCE.match(line):
            is_code = not is_code
        elif not is_code and not line.startswith("<!--"):
            lines.append(line)
    return "\n".join(lines)


def table(page: str, *headings: str, keeps_marks: bool = False) -> list[list[str]]:
    """The cells of the first table with these headings, with or without the marks of code."""
    lines = pages()[page].splitlines()
    start = lines.index("| " + " | ".join(headings) + " |")
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() if keeps_marks else cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
    return rows


@pytest.fixture(scope="module")
def helps(tmp_path_factory) -> dict[str, str]:
    """What `parley help COMMAND` prints, by command; `backends` with its own commands."""
    directory = tmp_path_factory.mktemp("help")

    def ask(*words: str) -> str:
        result = binary.run(directory, "help", *words, COLUMNS="200")
        assert result.returncode == 0, result.said
        return result.stdout

    found = {command: ask(command) for command in COMMANDS}
    for command in re.findall(r"^  ([a-z]+)(?: \(default\))?  ", found["backends"].partition("SUBCOMMANDS:")[2], re.MULTILINE):
        found["backends"] += ask("backends", command)
    return found


# The command line


def test_every_command_is_in_the_page_and_no_other(helps, tmp_path):
    """docs/command-line.md."""
    listed = re.findall(r"^  ([a-z-]+)(?: \(default\))?  ", binary.run(tmp_path, "help").stdout.partition("SUBCOMMANDS:")[2], re.MULTILINE)
    shown = {re.match(r"parley ([a-z-]+)", row[0])[1] for row in table("docs/command-line.md", "command", "what it does")}
    assert shown == set(listed) - {"help"} == set(COMMANDS)


def test_every_option_is_in_the_pages_and_no_other(helps):
    """docs/command-line.md; docs/configuration.md for those of `serve` and `check-config`."""
    text = pages()["docs/command-line.md"] + pages()["docs/configuration.md"]
    there = {option for said in helps.values() for option in OPTION.findall(said)} - {"--help", "--version"}
    missing = sorted(option for option in there if not re.search(rf"{option}(?![\w-])", text))
    assert not missing, "not in the pages"
    without_foreign_blocks = re.sub(r"(curl|openssl|node|whiteboard|command:).*", "", text)
    unknown = sorted(set(OPTION.findall(without_foreign_blocks)) - there)
    assert not unknown, "no such options"


def test_flags_place_the_settings_that_stand_beside_them(helps):
    """docs/configuration.md."""
    for flags, settings in table("docs/configuration.md", "flag", "setting"):
        names = [name.strip() for name in settings.split(",")]
        if not all(re.fullmatch(r"[A-Z_]+", name) for name in names):
            continue
        for flag, name in zip(flags.split(","), names, strict=True):
            described = re.search(rf"^  {flag.strip()} .*(?:\n {{20,}}.*)*", helps["serve"], re.MULTILINE)
            assert described and name in described[0], f"parley help serve does not speak of {name} at {flag}"


# Metrics


def test_every_metric_is_in_the_page_with_its_type_and_labels_and_no_other(server):
    """docs/operations.md."""
    text = http.fetch(server(BACKENDS_API_PORT=0).front_door, "/metrics").body.decode()
    printed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    rows = table("docs/operations.md", "name", "type", "label", "meaning")
    assert {row[0]: row[1] for row in rows} == printed
    for name, labels in re.findall(r"^(\w+)\{([^}]*)\}", text, re.MULTILINE):
        shown = next(row[2] for row in rows if row[0] == name)
        assert set(re.findall(r"(\w+)=", labels)) == set(re.findall(r"\w+", shown)), name


# Commands and links in sentences


@pytest.mark.parametrize("page", sorted(pages()))
def test_commands_in_sentences_exist(page, helps):
    for span in SPAN.findall(prose(page)):
        if not (match := COMMAND.match(span)):
            continue
        program, rest = match["program"], match["rest"].split()
        if program == "parley":
            if rest and re.fullmatch(r"[a-z-]+", rest[0]) and rest[0] != "help":
                assert rest[0] in helps, f"`{span}`: there is no such command"
                for option in OPTION.findall(" ".join(rest)):
                    assert option in helps[rest[0]], f"`{span}`: there is no {option}"
        elif program == "make":
            command = ["make", "-n", "-C", binary.REPOSITORY, *(word for word in rest[:1] if word.islower())]
            assert subprocess.run(command, capture_output=True).returncode == 0, f"`{span}`: there is no such target"
        else:
            assert (binary.REPOSITORY / program).exists(), f"`{span}`: there is no {program}"


@pytest.mark.parametrize("page", sorted(pages()))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), name)) if name else page
        assert (binary.REPOSITORY / path).exists(), f"{target}: there is no {path}"
        if anchor:
            assert anchor in anchors(pages()[path]), f"{target}: there is no such heading"


def anchors(text: str) -> set[str]:
    """The names that headings have on GitHub."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(words)
    return found


def test_calls_in_the_table_for_those_who_know_javascript_compile(tmp_path):
    """docs/socket-io.md: what stands there for `…` is any value; `.name` goes on from the span before."""
    statements, base = [], ""
    for there, here in table("docs/socket-io.md", "Socket.IO in JavaScript", "here", keeps_marks=True):
        for span in SPAN.findall(there if here == "the same" else here):
            span = span.replace("throw …", 'throw ConnectError("no")').replace("…", '"x"')
            statements.append((base + span if span.startswith(".") else span))
            base = span.partition(".")[0] if not span.startswith(".") else base
    body = "\n".join(f"    do {{ _ = {one} }}" if " in " not in one and "=" not in one else f"    do {{ {one} }}" for one in statements)
    (tmp_path / "main.swift").write_text("import ParleySocketIO\n")
    given = "func calls(io: SocketIOServer, socket: Socket, configuration: inout SocketIOConfiguration) async throws {\n" + body
    complaint = compiler.typechecks(tmp_path / "main.swift", given, "}", may_warn=True)
    assert not complaint, complaint


def test_names_of_variables_in_sentences_are_settings_or_stand_in_the_sources():
    rows = "\n".join(line for line in pages()["docs/configuration.md"].splitlines() if line.startswith("|"))
    known = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", rows))
    sources = "\n".join(
        path.read_text() for folder in ("Sources", "Conformance", "Tests") for path in (binary.REPOSITORY / folder).rglob("*")
        if path.suffix in (".swift", ".py", ".mjs") or path.parent.name == "Conformance" and path.is_file()
    )
    unknown = {
        f"{page}: {name}"
        for page in pages()
        for name in re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`", prose(page))
        if not re.match(r"(?:RLIMIT|PR|CAP|SO|TCP)_", name)  # the kernel's
        and name not in known and name.removesuffix("_FILE") not in known and not re.search(rf"\b{name}\b", sources)
    }
    assert not unknown
