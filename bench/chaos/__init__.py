"""Faults on a real Kafka, and an oracle that folds the recorded journal and says what was lost, doubled, reordered."""
