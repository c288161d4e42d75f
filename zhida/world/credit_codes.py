"""Unified social credit codes (GB 32100-2015), made from a number so that no two subjects share one."""

from __future__ import annotations

from stdnum.cn import uscc

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_NUMBERS = 31**6
_STRIDE = 3**18  # shares no factor with 31, so that counting in it reaches every number once
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def credit_code(index: int, seed: int, individual: bool, region: str) -> str:
    """The code of the subject with this index, registered with market supervision in `region`.

    Unique for 31⁶ subjects of one seed. A functional zone has no digits of its own: its city's stand in.
    """
    place = region if region.isdigit() else f"{region[:4]}00"
    number, body = (index * _STRIDE + seed * 7919) % _NUMBERS, ""
    for _ in range(6):
        number, digit = divmod(number, 31)
        body += _ALPHABET[digit]
    front = f"9{'2' if individual else '1'}{place}{_organisation_code(f'MA{body}')}"
    return front + uscc.calc_check_digit(front)


def _organisation_code(body: str) -> str:
    """The eight characters of a GB 11714 code with their check character."""
    total = sum(int(character, 36) * weight for character, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    check = 11 - total % 11
    return body + {10: "X", 11: "0"}.get(check, str(check))
