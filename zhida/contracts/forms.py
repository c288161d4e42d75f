"""The forms of text that many fields share, by the pattern or the format a schema gives them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from schemas.catalogue import PublicKey
from schemas.model import Department, Identifier, Name, Number, PeriodLabel


def _pattern(form: Any) -> str:
    return str(TypeAdapter(form).json_schema()["pattern"])


FORMS: dict[str, tuple[str, str]] = {
    _pattern(Number): ("number", 'an exact decimal as text, such as `"1.10"`; up to 18 digits and 6 decimals'),
    _pattern(Identifier): ("identifier", "letters, digits, `.`, `_`, `-`, at most 64: a policy, an item, a grade"),
    _pattern(Department): ("department", "a department or provider, such as `human-resources`"),
    _pattern(Name): ("name", "a fact, a parameter, a list or a code, such as `levy_due`"),
    _pattern(PeriodLabel): ("period", "`2024`, `2024Q3` or `2024-07`"),
    _pattern(PublicKey): ("public key", "a raw Ed25519 public key of 32 bytes, base64"),
}
"""Pattern: (what it is called, what it is)."""

OTHER_FORMS = (
    ("moment", "RFC 3339 with its offset from UTC, such as `2024-02-01T00:00:00+08:00`; from 1900 to 2200, in UTC"),
    ("day", "`2024-02-01`, business time (UTC+8)"),
    (
        "subject",
        "a unified social credit code (统一社会信用代码, GB 32100, 18 characters, the last a check character), or `p-` "
        "and 32 to 64 lower-case hexadecimal digits, a person's keyed pseudonym; never an identity number",
    ),
)


def forms_table() -> str:
    """The forms as a Markdown table, for the index."""
    rows = [f"| {name} | {what} | `{pattern.replace('|', chr(92) + '|')}` |" for pattern, (name, what) in FORMS.items()]
    others = [f"| {name} | {what} | – |" for name, what in OTHER_FORMS]
    return "\n".join(["| form | what it is | pattern |", "|---|---|---|", *others, *rows])
