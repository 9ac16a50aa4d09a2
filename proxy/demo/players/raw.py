"""The clients without an SDK: HTTP by the standard library, WebSocket frames by our own reader."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from proxy.demo.players.clients import BETWEEN_POLLS_SECONDS, POLLS, Tell, UnansweredError
from proxy.wire.websocket import NORMAL, TEXT, FrameReader, close_frame, frame

_ANSWER_SECONDS = 30.0
_AGENT: Final = "tos-proxy-demo"
_BORDER: Final = "line-of-the-demo"
_PIECE = 65536


class RawHttp:
    """Requests below one base URL, each on a connection of its own. `headers` go with all of them, the key among them."""

    def __init__(self, base_url: str, headers: dict[str, str], tell: Tell) -> None:
        self.base: SplitResult = urlsplit(base_url)
        self.headers = {"user-agent": _AGENT, **headers}
        self.tell = tell

    def ask(self, method: str, path: str, content: bytes | None = None, kind: str = "application/json") -> bytes:
        """The answer's body, whatever its status. Raises: OSError, http.client.HTTPException."""
        headers = self.headers | ({"content-type": kind} if content is not None else {})
        with closing(http.client.HTTPConnection(self.base.netloc, timeout=_ANSWER_SECONDS)) as connection:
            connection.request(method, self.base.path + path, content, headers)
            answer = connection.getresponse()
            self.tell(answer.status)
            return answer.read()

    def post(self, path: str, body: dict[str, Any]) -> bytes:
        """A JSON body."""
        return self.ask("POST", path, json.dumps(body).encode())

    def until(self, path: str, is_done: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Ask for an object until it is done. Raises: UnansweredError."""
        for _ in range(POLLS):
            found: dict[str, Any] = json.loads(self.ask("GET", path))
            if is_done(found):
                return found
            time.sleep(BETWEEN_POLLS_SECONDS)
        raise UnansweredError(f"{path} was not done after {POLLS} polls")


class RawOpenAI:
    """OpenAI's API."""

    def __init__(self, base_url: str, key: str, tell: Tell) -> None:
        self._http = RawHttp(base_url, {"authorization": f"Bearer {key}"}, tell)

    def chat(self, words: str, *, model: str, **more: Any) -> None:
        """One question."""
        self._http.post("/chat/completions", {"model": model, "messages": [{"role": "user", "content": words}], **more})

    def respond(self, words: str, *, after: str | None = None) -> str:
        """A response, perhaps after another one."""
        asked = {"model": "gpt-5", "input": words} | ({"previous_response_id": after} if after else {})
        return str(json.loads(self._http.post("/responses", asked))["id"])

    def batch(self, questions: Sequence[str]) -> None:
        """Upload, creation, polls, download."""
        asked = self._http.ask("POST", "/files", form(batch_file(questions)), f"multipart/form-data; boundary={_BORDER}")
        wanted = {"input_file_id": json.loads(asked)["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        made = json.loads(self._http.post("/batches", wanted))
        done = self._http.until(f"/batches/{made['id']}", lambda found: found["output_file_id"])
        self._http.ask("GET", f"/files/{done['output_file_id']}/content")

    def talk(self, turns: Sequence[str]) -> None:
        """A session in events."""
        with closing(RawSession(self._http, "/realtime?model=gpt-realtime")) as session:
            for words in turns:
                for event in realtime_turn(words):
                    session.say(event)
                session.hear("response.done")


class RawAnthropic:
    """Anthropic's API."""

    def __init__(self, base_url: str, key: str, tell: Tell) -> None:
        self._http = RawHttp(base_url, {"x-api-key": key, "anthropic-version": "2023-06-01"}, tell)

    def message(self, words: str, *, stream: bool = False) -> None:
        """One question."""
        self._http.post("/v1/messages", message(words) | ({"stream": True} if stream else {}))

    def batch(self, questions: Sequence[str]) -> None:
        """Creation, polls, results."""
        made = json.loads(self._http.post("/v1/messages/batches", {"requests": message_entries(questions)}))
        path = f"/v1/messages/batches/{made['id']}"
        self._http.until(path, lambda found: found["processing_status"] == "ended")
        self._http.ask("GET", f"{path}/results")


class RawGemini:
    """Gemini's API."""

    def __init__(self, base_url: str, key: str, tell: Tell) -> None:
        self._http = RawHttp(base_url, {"x-goog-api-key": key}, tell)

    def generate(self, words: str, *, stream: bool = False) -> None:
        """One question."""
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        self._http.post(f"/v1beta/models/gemini-3-flash:{method}", {"contents": contents(words)})

    def batch(self, questions: Sequence[str]) -> None:
        """Creation, and polls until the answers are there."""
        entries = [
            {"request": {"contents": contents(words)}, "metadata": {"key": f"question-{number}"}}
            for number, words in enumerate(questions, 1)
        ]
        wanted = {"batch": {"displayName": "demo", "inputConfig": {"requests": {"requests": entries}}}}
        made = json.loads(self._http.post("/v1beta/models/gemini-3-flash:batchGenerateContent", wanted))
        self._http.until(f"/v1beta/{made['name']}", lambda found: found.get("done"))


class RawSession:
    """A WebSocket of JSON events. Raises on opening: OSError, UnansweredError."""

    def __init__(self, http_: RawHttp, path: str) -> None:
        self._reader = FrameReader(masked=False, message_cap=1 << 20, refuse_longer=True)
        self._socket = socket.create_connection((http_.base.hostname, http_.base.port), _ANSWER_SECONDS)
        nonce = base64.b64encode(secrets.token_bytes(16)).decode()
        lines = [f"GET {http_.base.path}{path} HTTP/1.1", f"Host: {http_.base.netloc}"]
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {nonce}"]
        lines += [f"{name}: {value}" for name, value in http_.headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        head, self._rest = self._until_blank_line()
        status = int(head.split()[1])
        http_.tell(status)
        if status != http.client.SWITCHING_PROTOCOLS:
            self._socket.close()
            raise UnansweredError(f"{path} was answered with {status}")

    def say(self, event: dict[str, Any]) -> None:
        """Send an event."""
        self._socket.sendall(frame(TEXT, json.dumps(event).encode(), secrets.token_bytes(4)))

    def hear(self, kind: str) -> None:
        """Wait for an event of this kind. Raises: UnansweredError, OSError."""
        for event in self._events():
            if event["type"] == kind:
                return

    def close(self) -> None:
        """Say that this is the end, and hear that it is; a session that was cut has ended."""
        with self._socket, suppress(OSError):
            self._socket.sendall(close_frame(NORMAL, key=secrets.token_bytes(4)))
            while self._socket.recv(_PIECE):
                pass

    def _events(self) -> Iterator[dict[str, Any]]:
        while True:
            for found in self._reader.feed(self._rest or self._received()):
                yield json.loads(found.payload or b"{}")
            self._rest = b""

    def _received(self) -> bytes:
        received = self._socket.recv(_PIECE)
        if not received:
            raise UnansweredError("the session was cut")
        return received

    def _until_blank_line(self) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received()
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest


def batch_file(questions: Sequence[str]) -> bytes:
    """The lines of a batch file, a chat for each question."""
    lines = [
        {
            "custom_id": f"question-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "gpt-5", "messages": [{"role": "user", "content": words}]},
        }
        for number, words in enumerate(questions, 1)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def form(lines: bytes) -> bytes:
    """An upload of a batch file (RFC 7578)."""
    purpose = f'--{_BORDER}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    file = f'--{_BORDER}\r\ncontent-disposition: form-data; name="file"; filename="questions.jsonl"\r\n\r\n'
    return purpose.encode() + file.encode() + lines + f"\r\n--{_BORDER}--\r\n".encode()


def message(words: str) -> dict[str, Any]:
    """A question to Anthropic."""
    return {"model": "claude-sonnet-5", "max_tokens": 400, "messages": [{"role": "user", "content": words}]}


def message_entries(questions: Sequence[str]) -> list[dict[str, Any]]:
    """The entries of a message batch."""
    return [{"custom_id": f"question-{number}", "params": message(words)} for number, words in enumerate(questions, 1)]


def contents(words: str) -> list[dict[str, Any]]:
    """A question to Gemini."""
    return [{"role": "user", "parts": [{"text": words}]}]


def realtime_turn(words: str) -> list[dict[str, Any]]:
    """What is said in a realtime session, and the wish for an answer."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}
    return [{"type": "conversation.item.create", "item": item}, {"type": "response.create"}]
