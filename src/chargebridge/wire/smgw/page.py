"""Pages of HTML, as far as a gateway writes them: tags with their attributes, and the text up to the next one. Linear in time, whatever comes."""

import html
import re
from collections.abc import Iterator

_MARK = re.compile(r"<!--|<(/?)([A-Za-z][A-Za-z0-9]{0,15})((?:\s[^<>]{0,2000})?)/?>")
_ATTRIBUTE = re.compile(r"""([A-Za-z_-]{1,30})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")

Tag = tuple[str, dict[str, str], str]
"""Name in lower case, "/" before it for an end; attributes; the text that follows, without entities."""


def tags(page: str) -> Iterator[Tag]:
    """All tags of a page, in order, without what stands in comments."""
    at = 0
    last: tuple[str, dict[str, str], int] | None = None
    pieces: list[str] = []
    while (found := _MARK.search(page, at)) is not None:
        if found[0] == "<!--":
            end = page.find("-->", found.end())
            if last is not None:
                pieces.append(page[last[2] : found.start()])
                last = last[0], last[1], len(page) if end < 0 else end + 3
            if end < 0:
                break
            at = end + 3
            continue
        if last is not None:
            yield last[0], last[1], html.unescape("".join(pieces) + page[last[2] : found.start()])
        pieces = []
        last = found[1] + found[2].lower(), _attributes(found[3]), found.end()
        at = found.end()
    if last is not None:
        yield last[0], last[1], html.unescape("".join(pieces) + page[last[2] :])


def _attributes(text: str) -> dict[str, str]:
    if not text.strip():
        return {}
    return {name.lower(): html.unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(text)}
