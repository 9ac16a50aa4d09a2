"""OpenAI's batches, which answer every line of their file, and fine-tuning jobs."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.demo.scripted import openai_chat, openai_responses, openai_rest
from proxy.demo.scripted.content import Asked, Content, Maker, encode
from proxy.demo.scripted.openai_files import keep_file
from proxy.demo.scripted.openai_objects import advance, canceller, getter, later, lister, new, public, rows, shown
from proxy.demo.scripted.store import Object

_MAKERS: dict[str, Maker] = {
    "/v1/chat/completions": openai_chat.chat,
    "/v1/completions": openai_chat.completions,
    "/v1/responses": openai_responses.responses,
    "/v1/embeddings": openai_rest.embeddings,
    "/v1/moderations": openai_rest.moderations,
}


def _answered(asked: Asked, line: bytes, number: int) -> tuple[bytes, bool]:
    """The result of one line, and whether it is a good one."""
    request = msgspec.json.decode(line)
    body = request["body"]
    inner = asked.about(body, str(body.get("model") or ""), f"line {number}")
    status = inner.script.status
    answer = _MAKERS[request["url"]](inner).closing[0] if status < 400 else encode(openai_rest.error(status, inner.stamp))
    response = {"status_code": status, "request_id": inner.stamp.hex("request", 32), "body": msgspec.Raw(answer)}
    result = {
        "id": "batch_req_" + inner.stamp.hex("line"),
        "custom_id": request.get("custom_id"),
        "response": response,
        "error": None,
    }
    return encode(result) + b"\n", status < 400


def create(asked: Asked) -> Content:
    """POST …/batches."""
    given = asked.json
    lines = [line for line in asked.store.read(given["input_file_id"]).splitlines() if line.strip()]
    made = new(
        asked,
        "batch",
        "batch_",
        endpoint=given["endpoint"],
        errors=None,
        input_file_id=given["input_file_id"],
        completion_window=given["completion_window"],
        status="validating",
        output_file_id=None,
        error_file_id=None,
        metadata=given.get("metadata"),
        request_counts={"total": 0, "completed": 0, "failed": 0},
    )

    def finish() -> None:
        results = [_answered(asked, line, number) for number, line in enumerate(lines)]
        good, bad = ([line for line, is_good in results if is_good is wanted] for wanted in (True, False))
        made["status"] = "completed"
        made["completed_at"] = asked.stamp.created + 60
        made["request_counts"] = {"total": len(lines), "completed": len(good), "failed": len(bad)}
        if good:
            made["output_file_id"] = keep_file(asked, "output.jsonl", "batch_output", b"".join(good), "output")["id"]
        if bad:
            made["error_file_id"] = keep_file(asked, "errors.jsonl", "batch_output", b"".join(bad), "errors")["id"]

    later(made, asked.script.polls, finish)
    return shown(made)


def job(asked: Asked) -> Content:
    """POST …/fine_tuning/jobs."""
    given = asked.json
    asked.store.get("file", given["training_file"])
    made: Object = new(
        asked,
        "fine_tuning.job",
        "ftjob-",
        model=given["model"],
        training_file=given["training_file"],
        validation_file=given.get("validation_file"),
        method=given.get("method") or {"type": "supervised"},
        hyperparameters={"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 2},
        status="validating_files",
        fine_tuned_model=None,
        finished_at=None,
        organization_id="org-scripted",
        result_files=[],
        seed=7,
        trained_tokens=None,
        error=None,
    )

    def finish() -> None:
        name = f"ft:{given['model']}:scripted:{given.get('suffix') or ''}:{asked.stamp.hex('model', 8)}"
        results = keep_file(asked, "step_metrics.csv", "fine-tune-results", b"step,train_loss\n1,0.5\n", "metrics")
        made.update(
            status="succeeded",
            fine_tuned_model=name,
            result_files=[results["id"]],
            trained_tokens=100,
            finished_at=made["created_at"],
        )

    later(made, asked.script.polls, finish)
    return shown(made)


def events(asked: Asked) -> Content:
    """GET …/fine_tuning/jobs/{id}/events."""
    found = asked.store.get("fine_tuning.job", asked.named["job"])
    advance(found)
    event: dict[str, Any] = {"object": "fine_tuning.job.event", "id": "ftevent-1", "level": "info", "type": "message", "data": {}}
    return rows([{**event, "created_at": found["created_at"], "message": f"The job is {found['status']}"}])


def checkpoints(asked: Asked) -> Content:
    """GET …/fine_tuning/jobs/{id}/checkpoints."""
    found = public(asked.store.get("fine_tuning.job", asked.named["job"]))
    name = found["fine_tuned_model"]
    step = {"object": "fine_tuning.job.checkpoint", "id": "ftckpt_1", "created_at": found["created_at"], "step_number": 1}
    made = {**step, "fine_tuned_model_checkpoint": f"{name}:ckpt-step-1", "fine_tuning_job_id": found["id"], "metrics": {"step": 1}}
    return rows([made] if name else [])


_JOB = "/fine_tuning/jobs/(?P<job>[^/]+)"

ROWS: tuple[tuple[str, str, Maker], ...] = (
    ("POST", "/batches", create),
    ("GET", "/batches", lister("batch")),
    ("GET", "/batches/(?P<batch>[^/]+)", getter("batch", "batch")),
    ("POST", "/batches/(?P<batch>[^/]+)/cancel", canceller("batch", "batch", "cancelling")),
    ("POST", "/fine_tuning/jobs", job),
    ("GET", "/fine_tuning/jobs", lister("fine_tuning.job")),
    ("GET", _JOB, getter("fine_tuning.job", "job")),
    ("POST", _JOB + "/cancel", canceller("fine_tuning.job", "job")),
    ("GET", _JOB + "/events", events),
    ("GET", _JOB + "/checkpoints", checkpoints),
)
