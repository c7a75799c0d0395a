"""Whether what was printed looks like what a page shows.

The same but for what is another each time: times, tokens, ids; and for `…`, which stands for whatever the page leaves out.
"""

import re

VARIES = [
    ("…", r"[^\n]*?"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", r"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", r"eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+"),
    (r"\b1[78]\d{8}\b", r"\\d{10}"),
    (r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{11,}(?![\w-])", None),
]
_VARIES = re.compile("|".join(f"({shown})" for shown, _ in VARIES))


def pattern(shown: str) -> re.Pattern:
    """Matches whatever has the shape of a text in a page. A line of `…` alone stands for any lines."""
    parts, end = [], 0
    shown = shown.strip("\n")
    for match in _VARIES.finditer(shown):
        parts.append(re.escape(shown[end : match.start()]))
        _, actual = VARIES[match.lastindex - 1]
        parts.append(actual.replace("\\\\", "\\") if actual else rf"[\w-]{{{len(match[0])}}}")
        end = match.end()
    parts.append(re.escape(shown[end:]))
    text = "".join(parts)
    text = re.sub(r"(?:\\ ){2,}", " {2,}", text)  # columns are as wide as their contents
    text = re.sub(r"(^|\\\n)\[\^\\n\]\*\?(\\\n|$)", r"\1(?s:.*?)\2", text)
    return re.compile(text)


def differs(shown: str, printed: str) -> str | None:
    """What to say when the whole of `printed` has not the shape of `shown`."""
    if pattern(shown).fullmatch(printed.strip("\n")):
        return None
    return f"the page shows\n{_indented(shown)}\nbut what came was\n{_indented(printed)}"


def lacks(shown: str, printed: str) -> str | None:
    """What to say when a line of `shown` is nowhere in `printed`."""
    missing = [line for line in shown.strip("\n").splitlines() if not pattern(line).search(printed)]
    return f"expected\n{_indented(chr(10).join(missing))}\nin\n{_indented(printed)}" if missing else None


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.strip("\n").splitlines())
