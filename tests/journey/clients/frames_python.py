"""Reads frames with the `websockets` library: one stream of a client's bytes in hex a line, one JSON line of what it makes of it.

`{"messages": [[text, hex], …], "close": code or null, "error": class or ""}`.
"""

from __future__ import annotations

import json
import sys

from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State


def read(sent: bytes) -> dict[str, object]:
    """What a server that is open makes of it."""
    protocol = Protocol(Side.SERVER, state=State.OPEN, max_size=None)
    protocol.receive_data(sent)
    messages: list[list[object]] = []
    for frame in protocol.events_received():
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.opcode is not Opcode.CONT:
                parts = [frame.opcode is Opcode.TEXT, b""]
            parts[1] += bytes(frame.data)
            if frame.fin:
                messages.append([parts[0], parts[1].hex()])
    error = type(protocol.parser_exc).__name__ if protocol.parser_exc else ""
    return {"messages": messages, "close": protocol.close_rcvd.code if protocol.close_rcvd else None, "error": error}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(read(bytes.fromhex(line.strip()))) + "\n")
