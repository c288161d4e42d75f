"""aiokafka's clients over the log in memory: the part of them that zhida uses, with the errors that zhida meets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any, TypeVar

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced, RequestTimedOutError
from aiokafka.structs import RecordMetadata

from bench.simulation.log import Decided, Entry, Headers, Log, New
from bench.simulation.loop import OUTSIDE, PROCESS

T = TypeVar("T")
COME_BACK = 0.02  # seconds until a request is made again that came while a transaction was being ended
AT_ONCE = 0.6  # of all requests, those whose answer takes no time; what happens between the two is seldom the matter
BATCH_RECORDS = 4  # small, so that a few dozen records come in several batches


class Network:
    """Carries requests to the log and answers back, each after some time; the seed says what is slow or lost."""

    def __init__(self, log: Log, random: Random, loop: asyncio.AbstractEventLoop) -> None:
        self.log = log
        self.random = random
        self.loop = loop
        self.slow = 1.0
        """Factor on every delay."""
        self.failing = 0.0
        """Chance that a request ends in an error, done or not."""

    def later(self, delay: float, callback: Callable[[], object]) -> None:
        """Call back, whatever becomes of the process that is running."""
        self.loop.call_later(delay, callback, context=OUTSIDE)

    def delay(self) -> float:
        """One way, in seconds: mostly about a millisecond, at times a hundred."""
        drawn = self.random.random()
        return (0.0005 + 0.001 * drawn if drawn < 0.9 else drawn * drawn * 0.1) * self.slow

    def call(self, action: Callable[[], T]) -> asyncio.Future[T]:
        """Do something at the log. What was asked by a process that then ended may be done nevertheless."""
        answer: asyncio.Future[T] = self.loop.create_future()
        process = PROCESS.get()

        def arrive() -> None:
            if process is not None and process.ended and self.random.random() < 0.5:
                return
            failed = self.failing and self.random.random() < self.failing
            try:
                if failed and self.random.random() < 0.5:
                    raise RequestTimedOutError
                result = action()
                if failed:
                    raise RequestTimedOutError
            except KafkaError as error:
                self.later(self.delay(), partial(_fail, answer, error))
            else:
                if self.random.random() < AT_ONCE:
                    _answer(answer, result)
                else:
                    self.later(self.delay(), partial(_answer, answer, result))

        self.later(self.delay(), arrive)
        return answer


def _answer(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody need ask for it


class MemoryBatch:
    """A batch as `create_batch` makes it."""

    def __init__(self) -> None:
        self.records: list[New] = []
        self._closed = False

    def append(self, *, timestamp: int | None, key: bytes, value: bytes, headers: Headers = ()) -> object | None:
        """None where it is full."""
        if self._closed or len(self.records) == BATCH_RECORDS:
            return None
        self.records.append(New(key, value, tuple(headers)))
        return self

    def close(self) -> None:
        """Take no more."""
        self._closed = True

    def record_count(self) -> int:
        """How many records it has."""
        return len(self.records)


class _Sending:
    """A batch on its way: its records, and who waits for its offset; `each` has a future per record."""

    def __init__(self, records: list[New], futures: list[asyncio.Future[RecordMetadata]]) -> None:
        self.records = records
        self.futures = futures


class MemoryProducer:
    """aiokafka's producer: acknowledged by all, idempotent, one batch in flight per partition; transactional where it
    has an id."""

    def __init__(self, network: Network, transactional_id: str | None = None) -> None:
        self._network = network
        self._id = transactional_id
        self._epoch = 0
        self._in_transaction = False
        self._fatal: KafkaError | None = None
        self._queues: dict[TopicPartition, list[_Sending]] = {}
        self._idle: list[asyncio.Future[None]] = []
        self._process = PROCESS.get()

    async def start(self) -> None:
        """Fence the former producers of the same id."""
        if self._id is not None:
            while (epoch := await self._network.call(partial(self._network.log.initialise, self._id))) is None:
                await asyncio.sleep(COME_BACK)
            self._epoch = epoch

    async def stop(self) -> None:
        """Send what waits to be sent; a transaction is left as it is."""
        if self._process is None or not self._process.ended:
            await self._flushed()

    async def begin_transaction(self) -> None:
        """Local, as aiokafka's is."""
        assert self._id is not None and not self._in_transaction and self._fatal is None
        self._in_transaction = True

    async def commit_transaction(self) -> None:
        """Raises ProducerFenced."""
        await self._end(Decided.COMMITTED)

    async def abort_transaction(self) -> None:
        """Raises ProducerFenced."""
        await self._end(Decided.ABORTED)

    async def _end(self, decided: Decided) -> None:
        await self._flushed()
        assert self._id is not None
        if self._fatal is not None:
            raise self._fatal
        try:
            await self._network.call(partial(self._network.log.end, self._id, self._epoch, decided))
        except ProducerFenced as error:
            self._fatal, self._in_transaction = error, False
            raise
        self._in_transaction = False

    def create_batch(self) -> MemoryBatch:
        """An empty batch."""
        return MemoryBatch()

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = 0,
        headers: Headers | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Returns what gives the record's offset once it is written; raises what the producer has ended with."""
        self._check()
        tp, record = TopicPartition(topic, partition), New(key, value, tuple(headers or ()))
        future: asyncio.Future[RecordMetadata] = self._network.loop.create_future()
        queue = self._queues.get(tp, [])
        if len(queue) > 1 and len(queue[-1].futures) == len(queue[-1].records) < BATCH_RECORDS:
            queue[-1].records.append(record)
            queue[-1].futures.append(future)
        else:
            self._put(tp, _Sending([record], [future]))
        return future

    async def send_and_wait(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = 0,
        headers: Headers | None = None,
    ) -> RecordMetadata:
        """Returns the record's offset."""
        return await (await self.send(topic, value, key, partition, headers))

    async def send_batch(self, batch: MemoryBatch, topic: str, *, partition: int) -> asyncio.Future[RecordMetadata]:
        """Returns what gives the first record's offset once all are written."""
        self._check()
        batch.close()
        future: asyncio.Future[RecordMetadata] = self._network.loop.create_future()
        self._put(TopicPartition(topic, partition), _Sending(batch.records, [future]))
        return future

    def _check(self) -> None:
        if self._id is not None and not self._in_transaction:
            raise IllegalOperation("Can't send messages while not in transaction")
        if self._fatal is not None:
            raise self._fatal

    def _put(self, tp: TopicPartition, sending: _Sending) -> None:
        queue = self._queues.setdefault(tp, [])
        queue.append(sending)
        if len(queue) == 1:
            self._send_first(tp)

    def _send_first(self, tp: TopicPartition) -> None:
        if not (queue := self._queues.get(tp)):
            return
        log, records = self._network.log, queue[0].records
        if self._id is None:
            answer: asyncio.Future[int | None] = self._network.call(partial(log.append, tp, records))
        else:
            answer = self._network.call(partial(log.produce, self._id, self._epoch, tp, records))
        answer.add_done_callback(partial(self._answered, tp))

    def _answered(self, tp: TopicPartition, answer: asyncio.Future[int | None]) -> None:
        if not (queue := self._queues.get(tp)):
            return
        if (error := answer.exception()) is not None:
            self._break(error)
            return
        loop = self._network.loop
        if (base := answer.result()) is None:
            loop.call_later(COME_BACK, self._send_first, tp)
            return
        for place, future in enumerate(queue.pop(0).futures):
            _answer(future, RecordMetadata(tp.topic, tp.partition, tp, base + place, -1, 1, 0))
        if queue:
            self._send_first(tp)
        else:
            del self._queues[tp]
            self._say_idle()

    def _break(self, error: BaseException) -> None:
        """Nothing is written behind what was not: the producer ends with its first error."""
        assert isinstance(error, KafkaError)
        self._fatal, self._in_transaction = error, False
        queues, self._queues = self._queues, {}
        for sending in (each for queue in queues.values() for each in queue):
            for future in sending.futures:
                _fail(future, error)
        self._say_idle()

    def _say_idle(self) -> None:
        if not self._queues:
            waiting, self._idle = self._idle, []
            for future in waiting:
                _answer(future, None)

    async def _flushed(self) -> None:
        while self._queues:
            future: asyncio.Future[None] = self._network.loop.create_future()
            self._idle.append(future)
            await future


class MemoryConsumer:
    """aiokafka's consumer without a group, of one partition at a time."""

    def __init__(self, network: Network, *, committed: bool) -> None:
        self._network = network
        self._committed = committed
        self._assigned: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""

    def assignment(self) -> set[TopicPartition]:
        """What is assigned."""
        return self._assigned

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Replace what is assigned."""
        self._assigned = set(partitions)

    def pause(self, *partitions: TopicPartition) -> None:
        """Nothing is fetched ahead."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Nothing is fetched ahead."""

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offsets that are still there."""
        return await self._network.call(lambda: {tp: self._network.log.partition(tp).start for tp in partitions})

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The offsets to come; for readers of committed records the last stable ones."""
        return await self._network.call(lambda: {tp: self._end(tp) for tp in partitions})

    def _end(self, tp: TopicPartition) -> int:
        partition = self._network.log.partition(tp)
        return partition.last_stable if self._committed else partition.end

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Go on from an offset."""
        self._positions[tp] = offset

    async def position(self, tp: TopicPartition) -> int:
        """The offset to be read next."""
        return self._positions[tp]

    async def getmany(
        self, tp: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Records from the position on, as soon as there are any; nothing once the time is over, or where there were
        none but markers."""
        start, network = self._positions[tp], self._network
        partition, most = network.log.partition(tp), max_records or 1 + int(network.random.random() * 20)
        read = partial(partition.read, start, most, committed=self._committed)
        if self._end(tp) == start and timeout_ms:  # the broker keeps the request until there is something
            await _changed(network.loop, partition.waiting, timeout_ms / 1000)
        found, position = await network.call(read)
        if self._positions[tp] != start:  # sought meanwhile
            return {}
        self._positions[tp] = position
        return {tp: [_record(tp, entry) for entry in found]} if found else {}


async def _changed(loop: asyncio.AbstractEventLoop, waiting: list[asyncio.Future[None]], timeout: float) -> None:
    future: asyncio.Future[None] = loop.create_future()
    waiting.append(future)
    timer = loop.call_later(timeout, _answer, future, None)
    try:
        await future
    finally:
        timer.cancel()


def _record(tp: TopicPartition, entry: Entry) -> ConsumerRecord:
    assert entry.record is not None
    key, value, headers = entry.record
    return ConsumerRecord(
        tp.topic, tp.partition, entry.offset, entry.timestamp, 1, key, value, None, len(key or b""), len(value or b""),
        headers,
    )  # fmt: skip


class MemoryClients:
    """`streams.clients.Clients` over the log."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @asynccontextmanager
    async def reader(self, *, committed: bool = True) -> AsyncIterator[Any]:
        """A consumer without a group."""
        yield MemoryConsumer(self._network, committed=committed)

    def transactional_producer(self, transactional_id: str) -> Any:
        """A producer whose start fences the former ones."""
        return MemoryProducer(self._network, transactional_id)

    def idempotent_producer(self) -> Any:
        """A producer for records that stand alone."""
        return MemoryProducer(self._network)
