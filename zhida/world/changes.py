"""What can happen to a subject: each change gives its new truth and what the providers write of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from random import Random

from zhida.world.gaps import Facts, withhold
from zhida.world.knowledge import (
    business_year,
    merged,
    quarter_means,
    sales_of,
    staff_year,
    tax_year,
    technical_staff,
    technology_year,
)
from zhida.world.moments import month_before, quarter_before
from zhida.world.places import draw_place
from zhida.world.profiles import ARREARS, CREDIT_GRADES, Profile
from zhida.world.technology import next_grade

Outcome = tuple[Profile, dict[str, Facts]]
Change = Callable[[Profile, Random, datetime], Outcome]
"""(truth, chance, moment) → (new truth, facts by provider); no facts when it does not apply."""


def staff_report(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """Human-resources settles the year before."""
    paid = profile.months_paid + (12 if profile.insured and moment.year > 2024 else 0)
    settled = replace(profile, months_paid=paid)
    facts = staff_year(settled, moment.year - 1, _draft(profile, chance, moment)) | technical_staff(settled)
    facts |= quarter_means(settled, moment.year - 1).get("human-resources", {})
    return settled, {"human-resources": withhold(facts, chance)}


def tax_return(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """The annual return of the year before, now and then with a small-scale filer's last quarter."""
    facts = tax_year(profile, moment.year - 1, _draft(profile, chance, moment))
    if not profile.general and profile.filing == "quarterly" and chance.random() < 0.2:
        facts |= sales_of(profile, chance, quarter_before(moment.date()))
    return profile, {"tax": withhold(facts, chance)}


def accounts(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """The books of the year before and, of technology firms, what science and technology has of it."""
    told = merged(quarter_means(profile, moment.year - 1), technology_year(profile, moment.year - 1))
    told.pop("human-resources", None)  # comes with the staff report
    return profile, {provider: withhold(facts, chance) for provider, facts in told.items()}


def quick_report(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """The year that is about to end, as far as it can be told."""
    told = merged(
        {"tax": business_year(profile, moment.year, 0)},
        quarter_means(profile, moment.year),
        technology_year(profile, moment.year),
    )
    return profile, {provider: withhold(facts, chance) for provider, facts in told.items()}


def month_report(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """The sales of the month that is about to end, as above-limit trade reports them."""
    return profile, {"tax": sales_of(profile, chance, f"{moment:%Y-%m}")}


def period_return(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """The sales of the last quarter or month, as the subject files."""
    quarterly = profile.filing == "quarterly"
    period = quarter_before(moment.date()) if quarterly else month_before(moment.date())
    return profile, {"tax": sales_of(profile, chance, period)}


def staff_moved(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """Some are hired or leave; those near 30 cross it now and then."""
    near = abs(profile.staff - 30) <= 4
    step = chance.choice((-4, -2, -1, 1, 2, 4)) if near else chance.choice((-1, 1)) * (1 + profile.staff // 12)
    staff = max(profile.staff + step, 0)
    insured = max(profile.insured + step, 0)
    after = replace(profile, staff=staff, insured=insured, employed=max(profile.employed + step, staff))
    return after, {
        "human-resources": {
            "insured_staff": {f"{moment:%Y-%m}": insured},
            "employees_in_post": staff,
            "persons_employed": after.employed,
            "unemployment_insured": insured > 0,
        }
    }


def disabled_staff_moved(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """A disabled person is hired or leaves, in units where the ratio counts."""
    if profile.staff <= 30:
        return profile, {}
    disabled = max(profile.disabled + chance.choice((-1, 1, 1)), 0)
    return replace(profile, disabled=disabled), {"disabled-persons-federation": {"disabled_staff": disabled}}


def became_general(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """A small-scale taxpayer outgrows that; it files monthly from then on."""
    if profile.general:
        return profile, {}
    after = replace(profile, general=True, filing="monthly", hovers=False)
    return after, {"tax": {"taxpayer_type": "general", "vat_filing": "monthly"}}


def closed(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """The registration ends, and with it what is told of the subject."""
    status = chance.choices(("cancelled", "revoked"), weights=(9, 1))[0]
    return replace(profile, status=status), {"market-supervision": {"registration_status": status}}


def relocated(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """It moves to another county; its code stays."""
    region = draw_place(chance)
    moves = region != profile.region
    return replace(profile, region=region), {"market-supervision": {"region": region} if moves else {}}


def abnormality_turned(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """It enters or leaves the list of abnormal operations."""
    after = replace(profile, abnormal=not profile.abnormal)
    return after, {"market-supervision": {"abnormal_list": after.abnormal}}


def dishonesty_turned(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """It enters or leaves the courts' list of dishonest debtors, who alone are told of."""
    after = replace(profile, dishonest=not profile.dishonest)
    return after, {"courts": {"dishonest_list": after.dishonest}}


def graded(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """The tax credit grade of the year before."""
    if profile.individual:
        return profile, {}
    grade = chance.choice(CREDIT_GRADES)
    return replace(profile, credit_grade=grade), {"tax": {"tax_credit_grade": grade}}


def certified(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """A high-tech certificate is granted or renewed for three years."""
    if profile.individual or profile.industry.code[0] not in "CIM":
        return profile, {}
    until = date(moment.year + 3, moment.month, min(moment.day, 28))
    after = replace(profile, certificate_to=until)
    return after, {"science-technology": {"high_tech_certificate_to": until.isoformat()}}


def entered_above_scale(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """It enters the above-scale register for the first time."""
    entry = profile.industry.entry
    if not entry or profile.above_scale_since or profile.yearly_sales < entry:
        return profile, {}
    since = date(moment.year, moment.month, 1)
    after = replace(profile, above_scale_since=since)
    return after, {"industry-information": {"above_scale_since": since.isoformat(), "above_scale": True}}


def left_above_scale(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """It is struck off the above-scale register; when it first entered is still known."""
    left = profile.above_scale_since is not None
    return profile, {"industry-information": {"above_scale": False} if left else {}}


def arrears_turned(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """It falls behind with wages or insurance, or has paid what it owed."""
    name = chance.choice(ARREARS)
    after = replace(profile, arrears=profile.arrears ^ {name})
    return after, {"human-resources": {name: name in after.arrears}}


def upgraded(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """It is recognised as specialised, or as more so."""
    if profile.technology is None:
        return profile, {}
    grade = next_grade(profile.technology.grade)
    after = replace(profile, technology=replace(profile.technology, grade=grade, upgraded_on=None))
    return after, {"industry-information": {"specialised_grade": grade}}


def retracted(profile: Profile, chance: Random, moment: datetime) -> Outcome:
    """A provider finds that it does not hold a fact after all; the truth is what it was."""
    year = str(moment.year - 1)
    provider, facts = chance.choice(
        (
            ("tax", {"tax_credit_grade": None}),
            ("tax", {"yearly_sales": {year: None}}),
            ("human-resources", {"premium_months_paid": None}),
            ("human-resources", {"new_unemployment_recipients": {year: None}}),
            ("human-resources", {"employees_in_post": None}),
            ("disabled-persons-federation", {"disabled_staff": None}),
            ("finance", {"assets": None}),
            ("market-supervision", {"industry": None}),
        )
    )
    return profile, {provider: facts}


def _draft(profile: Profile, chance: Random, moment: datetime) -> int:
    """Which draft of the annual figures is told: of those told before, most stay as they were."""
    return int(moment.year == 2024 and profile.reported and chance.random() < 0.3)
