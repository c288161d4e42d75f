"""Benchmarks against peers; nothing here is imported by what runs."""
