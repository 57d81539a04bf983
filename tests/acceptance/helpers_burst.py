"""Many requests in one moment: every connection stands before the first byte of any request goes out."""

import asyncio
from typing import NamedTuple

import orjson


class Reply(NamedTuple):
    """One answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


async def burst(port: int, count: int, model: str = "base") -> list[Reply]:
    """The answers to `count` chat requests that are all written without a pause between them."""
    content = orjson.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    for _, writer in streams:
        writer.write(head.encode() + content)
    try:
        async with asyncio.timeout(30):
            return [_read(data) for data in await asyncio.gather(*(reader.read() for reader, _ in streams))]
    finally:
        for _, writer in streams:
            writer.close()


def _read(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Reply(int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, body)
