"""A Kafka broker in the protocol itself, as much of it as a reader of one topic needs, and what goes wrong with it.

Frames: https://kafka.apache.org/protocol. It knows ApiVersions, Metadata, ListOffsets and Fetch.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.api import ResponseHeader_v0
from aiokafka.protocol.fetch import FetchRequest_v4, FetchResponse_v4
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataResponse_v1
from aiokafka.protocol.offset import OffsetRequest_v1, OffsetResponse_v1
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tocsin.simulators._faults import Fault
from tocsin.simulators._simulator import Simulator

KINDS = ("reset", "half", "not leader", "slow", "restart")
OUT_OF_RANGE, NOT_LEADER = 1, 6
NEWEST = -1
TOPIC = "posts"


class Broker(Simulator):
    """`bodies[p]` are the messages of partition p. One more of each appears every `pace` seconds, from the first
    fetch on; `first` are there already."""

    def __init__(
        self, bodies: Sequence[Sequence[bytes]], faults: Sequence[Fault] = (), pace: float = 0.005, first: int = 0
    ) -> None:
        super().__init__(faults)
        self._bodies, self._pace, self.shown = [list(one) for one in bodies], pace, first
        self.starts = [0] * len(bodies)
        """The oldest offsets that are kept."""
        self._until = 0.0
        self._server: asyncio.Server | None = None
        self._port = 0

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"127.0.0.1:{self._port}"

    async def close(self) -> None:
        await super().close()
        if self._server is not None:
            self._server.close()

    def end(self, partition: int) -> int:
        return min(self.shown, len(self._bodies[partition]))

    async def _tell(self) -> None:
        while self.shown < max(map(len, self._bodies)):
            await asyncio.sleep(self._pace)
            self.shown += 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        try:
            while asyncio.get_running_loop().time() >= self._until:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                buffer = BytesIO(await reader.readexactly(size))
                key, _, correlation, client = struct.unpack(">hhih", buffer.read(10))
                buffer.read(max(client, 0))
                answer = await self._answer(key, buffer)
                if answer is None:
                    break
                body = ResponseHeader_v0(correlation).encode() + answer.encode()
                if self._now("half"):
                    writer.write((struct.pack(">i", len(body)) + body)[: len(body) // 2])
                    await writer.drain()
                    break
                writer.write(struct.pack(">i", len(body)) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    def _now(self, *kinds: str) -> Fault | None:
        return self.due(*kinds)

    async def _answer(self, key: int, buffer: BytesIO) -> Any:
        if key == 18:
            return ApiVersionResponse_v0(0, [(18, 0, 0), (3, 1, 1), (2, 1, 1), (1, 4, 4)])
        if key == 3:
            MetadataRequest_v1.decode(buffer)
            partitions = [(0, number, 0, [0], [0]) for number in range(len(self._bodies))]
            return MetadataResponse_v1([(0, "127.0.0.1", self._port, None)], 0, [(0, TOPIC, False, partitions)])
        if key == 2:
            return self._offsets(OffsetRequest_v1.decode(buffer))
        return await self._fetch(FetchRequest_v4.decode(buffer))

    def _offsets(self, request: Any) -> Any:
        topics = [
            (topic, [(one, 0, -1, self.end(one) if time == NEWEST else self.starts[one]) for one, time in partitions])
            for topic, partitions in request.topics
        ]
        return OffsetResponse_v1(topics)

    async def _fetch(self, request: Any) -> Any:
        self.begin()
        fault = self._now("reset", "restart", "slow", "not leader")
        if fault is not None and fault.kind in {"reset", "restart"}:
            self._until = asyncio.get_running_loop().time() + (fault.seconds if fault.kind == "restart" else 0.0)
            return None
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        wrong = NOT_LEADER if fault is not None and fault.kind == "not leader" else 0
        topics = [
            (topic, [self._records(one, offset, wrong) for one, offset, _ in partitions])
            for topic, partitions in request.topics
        ]
        if not any(records for _, some in topics for *_, records in some):
            await asyncio.sleep(0.01)
        return FetchResponse_v4(0, topics)

    def _records(self, partition: int, offset: int, wrong: int) -> tuple[Any, ...]:
        end = self.end(partition)
        if wrong or not self.starts[partition] <= offset <= end:
            return (partition, wrong or OUT_OF_RANGE, end, end, None, b"")
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
            batch_size=2**20,
        )  # fmt: skip
        upto = min(offset + 10, end)
        for number in range(offset, upto):
            builder.append(number - offset, 1_772_366_400_000 + number, None, self._bodies[partition][number], [])
            self.sent[f"{partition}-{number}"] += 1
        # The base offset comes first and is not part of the checksum.
        batch = struct.pack(">q", offset) + bytes(builder.build())[8:] if upto > offset else b""
        return (partition, 0, end, end, None, batch)
