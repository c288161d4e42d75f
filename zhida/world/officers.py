"""What no registry holds: answers of officers on the few firms that were looked at."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from zhida.world.gaps import Facts, withhold
from zhida.world.moments import in_world, office_moment
from zhida.world.profiles import Profile
from zhida.world.records import Telling
from zhida.world.technology import Technology

_LARGE = 40_000_000  # 元 of sales, from which little giants are looked for
_MOST, _LAST = date(2024, 12, 10), date(2025, 11, 20)


def answer_tellings(profile: Profile) -> list[Telling]:
    """The answers on a technology firm, each as it arrives; sometimes a part of them is still open."""
    if profile.technology is None or profile.individual:
        return []
    chance = Random(f"{profile.code} answers")
    tellings = []
    for provider, facts, share in _looked_at(profile, profile.technology, chance):
        first = profile.known_from + timedelta(days=45)
        moment = office_moment(chance, first, max(first, _MOST if chance.random() < 0.6 else _LAST))
        if chance.random() < share and in_world(moment):
            tellings.append(Telling(moment, provider, "change", withhold(facts, chance)))
    return tellings


def _looked_at(profile: Profile, technology: Technology, chance: Random) -> list[tuple[str, Facts, float]]:
    """(provider, answers, chance that it is looked at)."""
    promising = technology.venture or profile.yearly_sales >= _LARGE
    niche = profile.established_on + timedelta(days=chance.randint(0, 600))
    high_tech = {
        "owns_core_ip": chance.random() < 0.85,
        "field_listed": chance.random() < 0.88,
        "innovation_score": chance.choice((70, 71, chance.randint(55, 95), chance.randint(70, 95))),
    }
    small = {
        "sme_score": chance.choice((59, 60, chance.randint(40, 95), chance.randint(60, 95))),
        "sme_staff_score": chance.choice((0, 8, 12, 16, 20)),
        "sme_bypass": chance.random() < 0.12,
    }
    specialised = {
        "niche_since": niche.isoformat() if niche < _LAST else None,
        "specialised_score": chance.choice((59, 60, chance.randint(40, 95), chance.randint(60, 95))),
        "science_award": chance.random() < 0.06,
        "maker_china_finalist": chance.random() < 0.05,
    }
    giant = {"little_giant_other_criteria": chance.random() < 0.75}
    return [
        ("science-technology", high_tech, 0.75),
        ("science-technology", small, 0.55),
        ("industry-information", specialised, 0.85 if promising else 0.55),
        ("industry-information", giant, 0.85 if promising else 0.1),
    ]
