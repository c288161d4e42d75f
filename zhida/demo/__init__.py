"""The main job, played end to end on a real Kafka, and held against its input files."""
