"""Subject keys: what GB 32100 and the pseudonym's form let through, and where each subject's journal is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from schemas.identifiers import check_subject, journal_partition

FIRM = "91210102MAHU03QE3Y"
PSEUDONYM = "p-0123456789abcdef0123456789abcdef"

# GB 32100-2015, 4.2: the characters and their values; I, O, S, V and Z are not used.
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def check_character(front: str) -> str:
    """GB 32100-2015, 4.7: 31 less the sum weighted by powers of 3, modulo 31; where that is 31, the character is 0."""
    total = sum(CHARACTERS.index(character) * pow(3, place, 31) for place, character in enumerate(front))
    remainder = 31 - total % 31
    return "0" if remainder == 31 else CHARACTERS[remainder]


def refusal(value: str) -> str:
    with pytest.raises(ValueError) as caught:
        check_subject(value)
    return str(caught.value)


@pytest.mark.parametrize("value", [FIRM, "91110000600037341L", PSEUDONYM, "p-" + "0f" * 32])
def test_subjects_are_returned_as_they_are(value: str) -> None:
    assert check_subject(value) == value


def test_the_check_character_0() -> None:
    """The remainder 31, which has no character of its own."""
    front = "91210102MAU335BA6"
    assert check_character(front) == "0"
    assert check_subject(front + "0") == front + "0"
    assert "GB 32100" in refusal(front + "O")


@given(st.integers(10_000_000, 99_999_999), st.text(CHARACTERS, min_size=9, max_size=9))
def test_of_31_check_characters_only_the_standards_own_is_taken(front: int, body: str) -> None:
    right = check_character(f"{front}{body}")
    for character in CHARACTERS:
        value = f"{front}{body}{character}"
        if character == right:
            if not ric.is_valid(value):
                assert check_subject(value) == value
        else:
            assert "GB 32100" in refusal(value)


@pytest.mark.parametrize("place", range(18))
def test_one_wrong_character_is_noticed_wherever_it_stands(place: int) -> None:
    for character in set(CHARACTERS) - {FIRM[place]}:
        assert "GB 32100" in refusal(FIRM[:place] + character + FIRM[place + 1 :])


@pytest.mark.parametrize("value", ["N2210102MA0A1B2C2Q", "Y1210102MA0A1B2C2K", "A1210102MA0A1B2C28"])
def test_departments_that_are_letters(value: str) -> None:
    """N agriculture (village collectives), Y others, A the military commission's office register subjects too."""
    assert value[-1] == check_character(value[:-1])
    assert check_subject(value) == value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "has 0"),
        (FIRM[:-1], "has 17"),
        (FIRM + "0", "has 19"),
        (FIRM[:-1] + "Ｙ", "18 characters"),
        (FIRM.lower(), "capitals"),
        (FIRM[:-1] + "y", "capitals"),
        (f" {FIRM[:-1]}", "GB 32100"),
        (f"{FIRM[:-1]}\n", "GB 32100"),
        ("9-210102MAHU03QE3Y", "GB 32100"),
        ("91210102MAHI03QE3Y", "GB 32100"),
        ("p-", "pseudonym"),
        (PSEUDONYM[:-1], "pseudonym"),
        (PSEUDONYM.upper().replace("P", "p"), "pseudonym"),
        ("p-" + "0" * 65, "pseudonym"),
        ("p-" + "g" * 32, "pseudonym"),
        (PSEUDONYM + "\n", "pseudonym"),
    ],
)
def test_other_texts_are_refused_with_a_reason(value: str, reason: str) -> None:
    assert reason in refusal(value)


@pytest.mark.parametrize("value", ["110101185001010018", "110101185001010042"])
def test_a_resident_identity_number_is_no_subject_key(value: str) -> None:
    assert ric.is_valid(value)
    assert refusal(value)


@pytest.mark.parametrize("value", ["110101185001010034", "11010118500101369X", "310101185001010146"])
def test_nor_is_one_whose_last_character_also_fits_gb_32100(value: str) -> None:
    """One identity number in 31 does: its form is the same 18 characters."""
    assert ric.is_valid(value) and uscc.is_valid(value)
    assert "identity number" in refusal(value)


# Literal: a subject whose partition moved would leave its state behind.
@pytest.mark.parametrize(
    ("subject", "of_8"),
    [("91210102MAU335BA60", 6), (FIRM, 1), ("p-00000000000000000000000000000001", 3)],
)
def test_the_journal_partition_never_changes(subject: str, of_8: int) -> None:
    assert journal_partition(subject, 8) == of_8
    assert journal_partition(subject, 1) == 0
