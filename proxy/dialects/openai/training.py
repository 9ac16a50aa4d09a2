"""Fine-tuning jobs, graders and evaluations: how a model is trained with what was uploaded, and how it is measured."""

from __future__ import annotations

from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import PathParameters
from proxy.dialects.openai import content, requests
from proxy.dialects.openai.rows import about, asking
from proxy.dialects.parameters import Reader, integer, odd, read_parameters, reference, text, within

_set_epochs = integer("epochs")
_set_training = text("training")


def _epochs(facts: RequestFacts, value: Any) -> None:
    if value != "auto":
        _set_epochs(facts, value)


_hyperparameters = within({"n_epochs": _epochs})


def _method(facts: RequestFacts, value: Any) -> None:
    """`{"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 3}}}`."""
    if type(value) is not dict:
        odd(facts)
        return
    kind = value.get("type")
    _set_training(facts, kind)
    inner = value.get(kind) if type(kind) is str else None
    if type(inner) is dict:
        read_parameters({"hyperparameters": _hyperparameters}, inner, facts)


_JOB: dict[str, Reader] = {
    "model": text("model"),
    "training_file": reference("file"),
    "validation_file": reference("file"),
    "method": _method,
    "hyperparameters": _hyperparameters,
    "seed": integer("seed"),
}
_read_parameters = requests.reader(_JOB)


def read_job(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a fine-tuning job; supervised unless it says otherwise."""
    facts = _read_parameters(body, path)
    if type(body) is dict and facts.training is None:
        facts.training = "supervised"
    return facts


def _source(facts: RequestFacts, value: Any) -> None:
    """`{"type": "file_id", "id": …}`, or rows in the request, or stored completions of a model."""
    if type(value) is dict and value.get("type") == "file_id":
        reference("file")(facts, value.get("id"))


def eval_turns(body: Any) -> Any:
    """The template of the messages that an evaluation asks a model with."""
    source = body.get("data_source") if type(body) is dict else None
    asked = source.get("input_messages") if type(source) is dict else None
    template = asked.get("template") if type(asked) is dict else None
    return content.response_turns({"input": template}) if type(template) is list else ()


_RUN: dict[str, Reader] = {
    "data_source": within({"model": text("model"), "source": _source, "sampling_params": within(requests.SAMPLING)})
}
_read_plain = requests.reader({})
_read_grading = requests.reader({"grader": within({"model": text("model")})})
_read_run = requests.reader(_RUN, eval_turns)

_JOBS = "/v1/fine_tuning/jobs"
_PERMISSIONS = "/v1/fine_tuning/checkpoints/{checkpoint_id}/permissions"
_RUNS = "/v1/evals/{eval_id}/runs"

ROWS = (
    asking("fine_tune_create", _JOBS, read_job, "fine_tune"),
    about("fine_tunes", "GET", _JOBS),
    about("fine_tune", "GET", _JOBS + "/{fine_tune_id}", "fine_tune"),
    about("fine_tune_cancel", "POST", _JOBS + "/{fine_tune_id}/cancel", "fine_tune"),
    about("fine_tune_pause", "POST", _JOBS + "/{fine_tune_id}/pause", "fine_tune"),
    about("fine_tune_resume", "POST", _JOBS + "/{fine_tune_id}/resume", "fine_tune"),
    about("fine_tune_events", "GET", _JOBS + "/{fine_tune_id}/events"),
    about("fine_tune_checkpoints", "GET", _JOBS + "/{fine_tune_id}/checkpoints"),
    asking("checkpoint_share", _PERMISSIONS, _read_plain),
    about("checkpoint_permissions", "GET", _PERMISSIONS),
    about("checkpoint_unshare", "DELETE", _PERMISSIONS + "/{permission_id}"),
    asking("grader_run", "/v1/fine_tuning/alpha/graders/run", _read_grading),
    asking("grader_validate", "/v1/fine_tuning/alpha/graders/validate", _read_grading),
    asking("eval_create", "/v1/evals", _read_plain, "eval"),
    about("evals", "GET", "/v1/evals"),
    asking("eval_run_create", _RUNS, _read_run, "eval_run", turns=eval_turns, teaches=True),
    about("eval_runs", "GET", _RUNS),
    about("eval_outputs", "GET", _RUNS + "/{eval_run_id}/output_items", teaches=True),
    about("eval_output", "GET", _RUNS + "/{eval_run_id}/output_items/{output_item_id}", teaches=True),
    about("eval_run_cancel", "POST", _RUNS + "/{eval_run_id}/cancel", "eval_run"),
    about("eval_run_cancel", "POST", _RUNS + "/{eval_run_id}", "eval_run"),
    about("eval_run", "GET", _RUNS + "/{eval_run_id}", "eval_run"),
    about("eval_run_delete", "DELETE", _RUNS + "/{eval_run_id}"),
    about("eval", "GET", "/v1/evals/{eval_id}", "eval"),
    asking("eval_update", "/v1/evals/{eval_id}", _read_plain, "eval"),
    about("eval_delete", "DELETE", "/v1/evals/{eval_id}"),
)
