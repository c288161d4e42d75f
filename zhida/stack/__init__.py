"""A real Kafka and a real Redis on this machine, with neither Docker nor an installation."""

from zhida.stack.errors import StackError
from zhida.stack.local import Endpoints, down, endpoints, up

__all__ = ["Endpoints", "StackError", "down", "endpoints", "up"]
