"""What every model shares: frozen, closed to unknown fields, exact numbers, aware times."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)


class Model(BaseModel):
    """A frozen record; an unknown field is refused, since silence about a typo would lose what was meant."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="strings", allow_inf_nan=False
    )


_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written_out(given: Any) -> Any:
    # pydantic also takes a count of seconds, as a number or as text
    if isinstance(given, date) or (isinstance(given, str) and _WRITTEN.match(given)):
        return given
    raise ValueError("is written out, such as 2024-07-01T08:00:00+08:00 or 2024-07-01")


def _in_utc(moment: datetime) -> datetime:
    if 1900 <= moment.year <= 2200:
        utc = moment.astimezone(UTC)
        if 1900 <= utc.year <= 2200:  # or it could not be read again from the journal
            return utc
    raise ValueError(f"{moment.isoformat()} is outside 1900–2200, in UTC")


Day = Annotated[date, BeforeValidator(_written_out), Field(ge=date(1900, 1, 1), le=date(2200, 12, 31))]
"""A calendar day, with room on both sides to count from it."""

Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""A point in time with its offset; stored and compared in UTC."""

Count = Annotated[int, Strict()]
"""A whole number: 1.0, true and "1" are none."""

Flag = Annotated[bool, Strict()]
"""true or false: 1 and "yes" are neither."""

Number = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,6})?$")]
"""An exact decimal as text, in 元 or the declared unit: never a float, so that 1.10 stays 1.10."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""The id of a policy, an item, a grade or a list."""

Department = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
"""A department or data provider, such as `human-resources`; it stands in topic names, hence no underscore."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,59}$")]
"""The name of a fact, a parameter or a code."""

PERIOD_LABEL = r"^[0-9]{4}(-(0[1-9]|1[0-2])|Q[1-4])?$"

PeriodLabel = Annotated[str, StringConstraints(pattern=PERIOD_LABEL)]
"""A period: `2024`, `2024Q3` or `2024-07`."""


class Text(Model):
    """A text in both languages of the zones."""

    zh: str = Field(min_length=1, max_length=500, description="in Chinese")
    en: str = Field(min_length=1, max_length=500, description="in English")
