"""XML from strangers: no entities, no documents of endless size or depth; element names without their namespaces."""

import re
from xml.etree import ElementTree

from chargebridge.wire.signed.errors import SignedFormatError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
_DECLARES = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def read_xml(data: bytes) -> ElementTree.Element:
    """The root. Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("XML", f"{len(data)} bytes, more than {MAX_BYTES}")
    if _DECLARES.search(data) or b"\0" in data:
        raise SignedFormatError("XML", "it declares entities, or is not UTF-8; such documents are not read")
    try:
        root = ElementTree.fromstring(data.strip())  # noqa: S314 - nothing that declares entities comes so far
    except (ElementTree.ParseError, LookupError, ValueError, RecursionError) as error:
        raise SignedFormatError("XML", str(error)) from None
    level, depth = [root], 1
    while level:
        if depth > MAX_DEPTH:
            raise SignedFormatError("XML", f"elements within elements, more than {MAX_DEPTH} deep")
        for element in level:
            element.tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        level, depth = [child for element in level for child in element], depth + 1
    return root


def text_of(parent: ElementTree.Element, name: str) -> str:
    """Of a child element. Raises SignedFormatError where there is none."""
    found = parent.find(name)
    if found is None or found.text is None:
        raise SignedFormatError(f"<{parent.tag}>", f"<{name}> is missing")
    return found.text.strip()
