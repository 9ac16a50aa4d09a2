"""What a file of OpenAI's holds when it is fetched: the results of a batch, a line each, or anything else that was put there."""

from __future__ import annotations

from typing import Any

from proxy.dialects.gathering import Gathering, error_word
from proxy.dialects.openai.chat import read_chat
from proxy.dialects.openai.responses import read_response
from proxy.dialects.openai.tasks import read_task
from proxy.dialects.results import ResultLines


def read_result(gathering: Gathering, line: dict[str, Any]) -> bool | None:
    """Take in `{"custom_id", "response": {"status_code", "body"}, "error"}`; None for a line of another kind."""
    answer, error = line.get("response"), line.get("error")
    if "custom_id" not in line or not (type(answer) is dict or error):
        return None
    body = answer.get("body") if type(answer) is dict else None
    if type(body) is dict:
        if "output" in body and "choices" not in body:
            read_response(gathering, body)
        elif "choices" in body or body.get("error"):
            read_chat(gathering, body)
        else:
            read_task(gathering, body)
    elif error:
        gathering.seen.error = error_word(error)
    status = answer.get("status_code") if type(answer) is dict else None
    return not error and (type(status) is not int or status < 400)


class ResultFile(ResultLines):
    """Reader of a file's content."""

    def __init__(self, *, collect: bool = False) -> None:
        super().__init__(read_result, read_task, collect=collect)
