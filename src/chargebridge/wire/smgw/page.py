"""Pages of HTML, as far as a gateway writes them: tags with their attributes, and the text behind each. Linear in time, whatever comes."""

import html
import re
from collections.abc import Iterator

_TAG = re.compile(r"<(/?[A-Za-z][A-Za-z0-9]{0,15})((?:\s[^<>]{0,2000})?)/?>([^<]*)")
_ATTRIBUTE = re.compile(r"""([A-Za-z_-]{1,30})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")

Tag = tuple[str, dict[str, str], str]
"""Name in lower case, "/" before it for an end; attributes; the text up to the next tag, without entities."""


def tags(page: str) -> Iterator[Tag]:
    """All tags of a page, in order, without what stands in comments."""
    for found in _TAG.finditer(_uncommented(page)):
        name, attributes, text = found.groups()
        yield name.lower(), _attributes(attributes) if attributes else {}, html.unescape(text)


def _uncommented(page: str) -> str:
    if "<!--" not in page:
        return page
    pieces, at = [], 0
    while (begin := page.find("<!--", at)) >= 0:
        pieces.append(page[at:begin])
        end = page.find("-->", begin + 4)
        if end < 0:
            return "".join(pieces)
        at = end + 3
    return "".join([*pieces, page[at:]])


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): html.unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(text)}
