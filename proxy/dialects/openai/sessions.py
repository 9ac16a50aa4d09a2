"""The part of the realtime API that is plain HTTP: short-lived keys, sessions, and calls whose sound goes elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.dialects.openai import content, requests
from proxy.dialects.openai.objects import reads
from proxy.dialects.openai.rows import about, answers, asking
from proxy.dialects.parameters import Reader, reference, text, within
from proxy.dialects.turns import Turn

_SESSION: dict[str, Reader] = {
    **requests.SAMPLING,
    "max_response_output_tokens": requests.SAMPLING["max_output_tokens"],
    "tools": requests.tools,
    "prompt": reference("prompt"),
    "input_audio_transcription": within({"model": text("model")}),
}


def turns(body: Any) -> Iterator[Turn]:
    """The instructions of a session, which may stand one level down."""
    session = body.get("session") if type(body) is dict else None
    for holder in (body, session):
        instructions = holder.get("instructions") if type(holder) is dict else None
        if instructions is not None:
            yield from content.response_turns({"instructions": instructions})


_read = requests.reader({**_SESSION, "session": within(_SESSION)}, turns)


def _call(name: str, verb: str) -> Any:
    return asking(name, "/v1/realtime/calls/{call_id}/" + verb, _read, turns=turns)


ROWS = (
    asking("realtime_secret", "/v1/realtime/client_secrets", _read, turns=turns, answer=answers(reads())),
    asking("realtime_secret", "/v1/realtime/translations/client_secrets", _read, turns=turns),
    asking("realtime_session", "/v1/realtime/sessions", _read, "session", turns=turns),
    asking("realtime_session", "/v1/realtime/transcription_sessions", _read, "session", turns=turns),
    # A call's session description travels here, its sound does not: it goes from peer to peer.
    about("realtime_call", "POST", "/v1/realtime/calls", teaches=True),
    _call("realtime_call_accept", "accept"),
    _call("realtime_call_reject", "reject"),
    _call("realtime_call_refer", "refer"),
    about("realtime_call_end", "POST", "/v1/realtime/calls/{call_id}/hangup"),
)
