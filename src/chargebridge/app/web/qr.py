"""A link, or another text, as a QR code, drawn as SVG."""

import io

import segno


def svg(link: str, title: str = "QR code of the driver's link") -> str:
    """Dark on light with the quiet zone of ISO/IEC 18004, whatever the page's colours: phones read it then."""
    out = io.BytesIO()
    segno.make(link, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, dark="#111", light="#fff", border=4, omitsize=True, title=title
    )
    return out.getvalue().decode()
