"""The customer's page as HTML without scripts. All that comes out of files is escaped here, in ``_text``."""

import html
from collections.abc import Sequence

from chargebridge.app.web import words
from chargebridge.app.web.shown.verified import LAYERS, WORDS, Sheet, stamp
from chargebridge.calibration.verdict import Outcome

_SHOWN = 400
_TICKS: dict[Outcome | None, str] = {Outcome.VALID: "✓", Outcome.INVALID: "✗", Outcome.MALFORMED: "✗", Outcome.UNDECIDABLE: "?", None: "–"}
_COLOURS: dict[Outcome | None, str] = {
    Outcome.VALID: "ok",
    Outcome.INVALID: "over",
    Outcome.MALFORMED: "over",
    Outcome.UNDECIDABLE: "tight",
    None: "none",
}
_SPOKEN: dict[Outcome | None, str] = {**{outcome: word.lower() for outcome, word in WORDS.items()}, None: "not looked at"}
_ONE = {
    Outcome.VALID: "The session holds.",
    Outcome.INVALID: "The session does not hold.",
    Outcome.MALFORMED: "The signed values cannot be read.",
    Outcome.UNDECIDABLE: "It cannot be decided whether the session holds.",
}
FORM = """<form method="post" action="/verify" enctype="multipart/form-data" class="cb-verify-form">
  <label for="files">The file with the signed values</label>
  <input id="files" name="files" type="file" multiple required>
  <p class="cb-hint">S.A.F.E. XML, OCMF, Mennekes, Alfen, PCDF, chargeIT, or ChargePoint's two files together; up to 4 MB.
  It is looked at here and kept nowhere.</p>
  <label for="key">The meter's public key, if you have it</label>
  <textarea id="key" name="key" rows="3" spellcheck="false" autocomplete="off" maxlength="4096"></textarea>
  <p class="cb-hint">It is on the meter's display or label, and in the public register. Without it, the register of this site is asked,
  then the file itself.</p>
  <button type="submit">Check</button>
</form>"""


def intro() -> str:
    said = "<p>Drop the file that came with your invoice. Every value, every signature and every session in it is checked.</p>"
    return f'<div class="cb-verify">{said}{FORM}</div>'


def refusal(where: str, reason: str, cure: str) -> str:
    told = f'<div class="cb-verdict is-over" role="alert"><h2>{_text(where)}: {_text(reason)}</h2><p>{_text(cure)}</p></div>'
    return f'<div class="cb-verify">{told}{FORM}</div>'


def results(sheets: Sequence[Sheet]) -> str:
    good = sum(sheet.outcome is Outcome.VALID for sheet in sheets)
    total = len(sheets)
    if good == total:
        text = _ONE[Outcome.VALID] if total == 1 else f"All {total} sessions hold."
    else:
        text = _ONE[sheets[0].outcome] if total == 1 else f"{good} of {total} sessions hold."
    return f'<div class="cb-verify"><p role="status">{text}</p>{"".join(map(article, sheets))}<h2>Check another file</h2>{FORM}</div>'


def article(sheet: Sheet) -> str:
    colour = "tight" if sheet.running else _COLOURS[sheet.outcome]
    word = "Still charging" if sheet.running else WORDS[sheet.outcome]
    energy = f"<b>{_text(sheet.energy)}</b>" if sheet.energy else ""
    if sheet.running:
        energy = "Come back when the car is unplugged: only then is everything signed."
    return (
        f'<article class="cb-verdict is-{colour}"><header><h2>{_text(sheet.title)}</h2>'
        f'<span class="cb-chip is-{colour}">{word}</span></header><p class="cb-verdict-energy">{energy}</p>'
        f"{_layers(sheet)}{_findings(sheet)}{_facts(sheet)}{_values(sheet)}</article>"
    )


def _layers(sheet: Sheet) -> str:
    rows = []
    for layer, said in LAYERS.items():
        outcome = getattr(sheet.layers, layer.value)
        rows.append(
            f'<li class="is-{_COLOURS[outcome]}"><span aria-hidden="true">{_TICKS[outcome]}</span> {said}'
            f"<small>{_SPOKEN[outcome]}</small></li>"
        )
    return f'<ul class="cb-verdict-layers">{"".join(rows)}</ul>'


def _findings(sheet: Sheet) -> str:
    rows = [
        f'<li class="{"is-fatal" if finding.fatal else ""}"><b>{_text(words.sentence(finding.text))}</b><span>{_text(do)}</span></li>'
        for finding, do in sheet.findings
    ]
    return f'<ul class="cb-verdict-findings">{"".join(rows)}</ul>' if rows else ""


def _facts(sheet: Sheet) -> str:
    clock = "" if sheet.time_billable or sheet.outcome is not Outcome.VALID else _FREE_CLOCK
    facts = {
        "Begin": stamp(sheet.begin) if sheet.begin else "",
        "End": stamp(sheet.end) + clock if sheet.end else "",
        "Meter": sheet.meter,
        "Charging point": sheet.point,
        "Customer": sheet.customer,
        "Format": sheet.format,
        "Public key": sheet.origin.text if sheet.key else "none is known",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{_text(text)}</dd>" for name, text in facts.items() if text)
    proven = "" if sheet.origin.proven or not sheet.key else _UNPROVEN
    key = (
        f"<details><summary>The key</summary><p>SHA-256 {_text(sheet.fingerprint)}</p><code>{_text(sheet.key)}</code></details>"
        if sheet.key
        else ""
    )
    return f'<dl class="cb-verdict-facts">{rows}</dl>{proven}{key}'


_FREE_CLOCK = " (by a clock that is for information only: time must not be billed by it)"
_UNPROVEN = (
    '<p class="cb-verdict-note">The key was taken from the file itself. Whoever changes values could put another key beside them: '
    "compare it with the one on the meter, or paste that one.</p>"
)


def _values(sheet: Sheet) -> str:
    if not sheet.values:
        return ""
    rows = "".join(
        f"<tr><td>{_text(one.kind)}</td><td>{_text(one.energy)}</td><td>{_text(one.at)}</td><td>{_text(one.register)}</td></tr>"
        for one in sheet.values
    )
    more = f"<p>and {sheet.more} more</p>" if sheet.more else ""
    head = "<tr><th>Value</th><th>Meter</th><th>Time</th><th>Register</th></tr>"
    return f"<details><summary>The signed values</summary><div><table>{head}{rows}</table></div>{more}</details>"


def _text(text: str) -> str:
    """What a file says, harmless and not endless."""
    return html.escape(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
