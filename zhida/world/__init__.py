"""A seeded, realistic province of enterprises and individual businesses, 2024-01-01 to 2025-12-31."""

from zhida.world.files import Summary, write
from zhida.world.generation import generate

__all__ = ["Summary", "generate", "write"]
