"""The pure core: what a subject is eligible for, and why, as a fold of the journal. No I/O, no clock, no Kafka."""
