"""Seeded simulation without a broker: the real intake and owners of partitions over a log in memory, under faults."""
