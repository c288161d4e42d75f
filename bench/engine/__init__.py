"""The eligibility engine against the plain evaluator, which says what is right, and peers, which say what is fast."""
