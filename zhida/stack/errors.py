"""The one error of the local stack."""


class StackError(Exception):
    """Something outside the program is missing or in the way; the text is one sentence, with the remedy."""
