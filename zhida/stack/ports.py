"""TCP ports on the loopback interface."""

import socket

from zhida.stack.errors import StackError

HOST = "127.0.0.1"


def taken(port: int) -> bool:
    """Whether something on this machine holds `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    # where the system lets two sockets share a port, the one that listens on all addresses still answers
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def free() -> int:
    """A port that nothing holds at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def choose(service: str, wanted: int | None, usual: int) -> int:
    """The port to start `service` on.

    `wanted` is what somebody asked for, and it or nothing will do; without it the usual port, or a free one
    where the usual one is taken. Raises StackError when the wanted port is taken.
    """
    if wanted is None:
        return free() if taken(usual) else usual
    if taken(wanted):
        raise StackError(f"{service} cannot start: port {wanted} is taken, so choose another or free it.")
    return wanted
