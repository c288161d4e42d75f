"""Errors at the edges of the core, beside those of `eligibility.errors`.

ZhidaError
├── Refused           correct the input
├── StopPartition     stop: the journal of a partition cannot be followed
├── StopWorker        stop: what the worker stands on is wrong; its text is the last line
└── PartitionLost     drop the partition quietly: another owner has fenced this one
"""

from eligibility.errors import Refused, StopPartition, ZhidaError

__all__ = ["PartitionLost", "Refused", "StopPartition", "StopWorker", "ZhidaError"]


class StopWorker(ZhidaError):
    """The worker cannot go on; somebody must act on what the text says."""


class PartitionLost(ZhidaError):
    """Another owner has taken the partition; nothing of the chunk in hand was committed."""
