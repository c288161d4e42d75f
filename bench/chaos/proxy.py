"""A TCP proxy that does to connections what networks do, by a schedule drawn from a seed.

Same seed, same steps, and the same jitter for the same connection and direction. A broker whose listener is advertised
at the proxy's port is reached by its clients through the proxy alone.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from zhida.stack.ports import HOST, free

PIECE = 16_384  # bytes moved at once
SLOW_SLICES = 20  # pieces a second at which a slow direction moves
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing sends RST and forgets what is unsent."""


class Fault(StrEnum):
    """What is done to a direction, or for RESET to whole connections."""

    PASS = "pass"
    DELAY = "delay"
    SLOW = "slow"
    HALF_OPEN = "half-open"
    RESET = "reset"


class Way(StrEnum):
    """A direction: UP to the target, DOWN to the client."""

    UP = "up"
    DOWN = "down"


BOTH = (Way.UP, Way.DOWN)


@dataclass(frozen=True)
class Step:
    """One fault, for some seconds, in some directions; the others pass.

    `amount`: DELAY, the most milliseconds that a piece is held; SLOW, bytes a second. HALF_OPEN forwards nothing,
    closes nothing, and resets at its end what was open. RESET resets what is open at its beginning, then passes.
    """

    fault: Fault
    seconds: float
    ways: tuple[Way, ...] = BOTH
    amount: int = 0

    def __str__(self) -> str:
        return f"{self.fault} {'+'.join(self.ways)} {self.amount or ''} for {self.seconds:.1f} s".replace("  ", " ")


def schedule(seed: int, faults: int, most_seconds: float = 3.0) -> list[Step]:
    """So many faults drawn from a seed, each followed by a while in which all passes.

    Every kind comes once before any comes again. `most_seconds` bounds a fault; the whiles between are as long at most.
    """
    random = Random(seed)
    kinds: list[Fault] = []
    while len(kinds) < faults:
        kinds += random.sample([kind for kind in Fault if kind is not Fault.PASS], k=4)
    steps = []
    for kind in kinds[:faults]:
        ways = random.choice([(Way.UP,), (Way.DOWN,), BOTH])
        seconds = random.uniform(most_seconds / 4, most_seconds)
        amount = {Fault.DELAY: random.randint(5, 250), Fault.SLOW: random.randint(2_000, 200_000)}.get(kind, 0)
        whole = kind is Fault.RESET
        steps.append(Step(kind, 0.0 if whole else seconds, BOTH if whole else ways, amount))
        steps.append(Step(Fault.PASS, random.uniform(most_seconds / 4, most_seconds)))
    return steps


@dataclass(eq=False)
class _Connection:
    """One client and its connection to the target."""

    number: int
    client: asyncio.StreamWriter
    target: asyncio.StreamWriter
    moved: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))

    def reset(self) -> None:
        for writer in (self.client, self.target):
            opened = writer.get_extra_info("socket")
            if not writer.transport.is_closing():
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                writer.transport.abort()


class Proxy:
    """Listens on a port of this machine and forwards to a target there; passes everything until told otherwise."""

    def __init__(self, port: int, target_port: int, seed: int = 0) -> None:
        self.port = port
        self.log: list[str] = []
        self._target_port, self._seed = target_port, seed
        self._step = Step(Fault.PASS, 0.0)
        self._changed = asyncio.Condition()
        self._open: set[_Connection] = set()
        self._accepted = 0
        self._server: asyncio.Server | None = None
        self._began = 0.0

    async def start(self) -> None:
        """Begin to listen. Raises OSError where the port is taken."""
        self._began = asyncio.get_running_loop().time()
        self._server = await asyncio.start_server(self._accept, HOST, self.port, limit=PIECE)

    async def stop(self) -> None:
        """Listen no more, and reset what is open."""
        if self._server is not None:
            self._server.close()
            self._reset()
            await self._server.wait_closed()

    async def run(self, steps: Sequence[Step]) -> None:
        """Make the steps one after the other; then all passes again."""
        try:
            for step in steps:
                self._say(f"{step}; {len(self._open)} connections open")
                await self._set(step)
                if step.fault is Fault.RESET:
                    self._reset()
                await asyncio.sleep(step.seconds)
                if step.fault is Fault.HALF_OPEN:
                    self._reset()
        finally:
            await self._set(Step(Fault.PASS, 0.0))

    async def _set(self, step: Step) -> None:
        async with self._changed:
            self._step = step
            self._changed.notify_all()

    def _reset(self) -> None:
        for connection in sorted(self._open, key=lambda each: each.number):
            self._say(f"reset {connection.number}, {connection.moved[Way.UP]} up, {connection.moved[Way.DOWN]} down")
            connection.reset()

    def _say(self, what: str) -> None:
        self.log.append(f"{asyncio.get_running_loop().time() - self._began:.3f} {what}")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        number = self._accepted
        try:
            from_target, to_target = await asyncio.open_connection(HOST, self._target_port, limit=PIECE)
        except OSError as error:
            self._say(f"no target for {number}: {error.strerror}")
            writer.transport.abort()
            return
        connection = _Connection(number, writer, to_target)
        self._open.add(connection)
        self._say(f"accepted {number}")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(connection, Way.UP, reader, to_target))
                both.create_task(self._forward(connection, Way.DOWN, from_target, writer))
        except* OSError:
            connection.reset()  # one side has reset it; the other shall learn so
        finally:
            self._open.discard(connection)
            for side in (writer, to_target):
                side.close()

    async def _forward(
        self, connection: _Connection, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Move bytes one way until the end of the stream, and pass the end on, too."""
        jitter = Random(f"{self._seed}/{connection.number}/{way}")
        while data := await reader.read(PIECE):
            while data:
                some = await self._let_through(way, len(data), jitter)
                writer.write(data[:some])
                await writer.drain()
                connection.moved[way] += min(some, len(data))
                data = data[some:]
        await self._let_through(way, 0, jitter)
        writer.write_eof()

    async def _let_through(self, way: Way, size: int, jitter: Random) -> int:
        """Wait as the step of the moment says; returns how many bytes may go now."""
        async with self._changed:
            await self._changed.wait_for(lambda: not (self._step.fault is Fault.HALF_OPEN and way in self._step.ways))
            step = self._step
        if way not in step.ways:
            return size
        if step.fault is Fault.DELAY:
            await asyncio.sleep(jitter.uniform(0, step.amount) / 1000)
        elif step.fault is Fault.SLOW:
            size = min(size, max(1, step.amount // SLOW_SLICES))
            await asyncio.sleep(size / step.amount)
        return size


def listeners(port: int, behind: int, advertised: int) -> dict[str, str]:
    """Properties of a broker at `port` with a second listener at `behind`, whose clients are sent to `advertised`: the
    port of a proxy that forwards to `behind`."""
    controller = free()
    return {
        "listeners": f"PLAINTEXT://{HOST}:{port},PROXIED://{HOST}:{behind},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port},PROXIED://{HOST}:{advertised}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
    }
