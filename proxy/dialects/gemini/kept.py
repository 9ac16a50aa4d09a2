"""What Gemini keeps: batches, files, cached contents, tuned models, search stores; and the operations that make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import MIB, UPLOAD_LINKS, AnswerReader, Endpoint, PathParameters
from proxy.dialects.gathering import Gathering, count, create, error_word, word
from proxy.dialects.gemini import requests
from proxy.dialects.gemini.answers import read_generated
from proxy.dialects.gemini.requests import member, named
from proxy.dialects.parameters import flag, odd, refer, refer_path
from proxy.dialects.results import ResultLines
from proxy.dialects.turns import Turn, as_messages, tally
from proxy.dialects.whole import CountedReader, WholeReader

_GIB = 1024 * MIB
_KINDS = {
    "batches": "batch",
    "files": "file",
    "cachedContents": "cache",
    "tunedModels": "tuned_model",
    "operations": "operation",
    "fileSearchStores": "vector_store",
    "documents": "document",
}
"""Our words for Gemini's collections."""

_LISTS = ("files", "cachedContents", "tunedModels", "operations", "fileSearchStores", "documents", "batches")


def read_about(_body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a request that has no body, or none that is ours to read; what it is about stands in its path."""
    facts = RequestFacts(model=path.model)
    refer_path(facts, path.references)
    return facts


def read_upload(_body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a piece of a file, or of what announces one."""
    facts = read_about(None, path)
    flag(facts, "media")
    facts.inspection = "none"
    return facts


def _object(read: Callable[[dict[str, Any], RequestFacts], None]) -> Callable[[Any, PathParameters], RequestFacts]:
    def reading(body: Any, path: PathParameters) -> RequestFacts:
        facts = read_about(None, path)
        if type(body) is dict:
            read(body, facts)
        else:
            if body is not None:
                odd(facts)
            facts.inspection = "none"
        return facts

    return reading


def _batch(body: dict[str, Any], facts: RequestFacts) -> None:
    """`{"batch": {"inputConfig": {"fileName": "files/…"}}}`; requests in the body itself are lines."""
    batch = body.get("batch")
    given = member(batch, "inputConfig") if type(batch) is dict else None
    file = member(given, "fileName") if type(given) is dict else None
    if file is not None:
        refer(facts, "file", named(file))
    inline = member(given, "requests") if type(given) is dict else None
    if inline is not None and (type(inline) is not dict or type(member(inline, "requests") or []) is not list):
        odd(facts)  # what is no array of requests is none that we read


def tuning_turns(body: Any) -> Iterator[Turn]:
    """The examples that a model is tuned with: what is asked as the user's, what it is to answer as the assistant's."""
    found = body
    for key in ("tuningTask", "trainingData", "examples", "examples"):
        found = member(found, key) if type(found) is dict else None
    for example in found if type(found) is list else ():
        for key, role in (("textInput", "user"), ("output", "assistant")):
            turn = Turn(role)
            if type(example) is dict and type(text := member(example, key)) is str:
                turn.texts.append(text)
            else:
                turn.odd = True
            yield turn


def _tuning(body: dict[str, Any], facts: RequestFacts) -> None:
    facts.training = "supervised"
    base = member(body, "baseModel")
    source = member(body, "tunedModelSource")
    if type(source) is dict:
        base = member(source, "baseModel") or base
        if (tuned := member(source, "tunedModel")) is not None:
            refer(facts, "tuned_model", named(tuned))
    facts.model = word(base.removeprefix("models/")) if type(base) is str else None
    task = member(body, "tuningTask")
    given = task.get("hyperparameters") if type(task) is dict else None
    epochs = member(given, "epochCount") if type(given) is dict else None
    if type(epochs) is int:
        facts.epochs = count(epochs)
    tally(tuning_turns(body), facts)
    facts.prompts = sum(1 for _ in tuning_turns(body)) // 2


def _files(body: dict[str, Any], facts: RequestFacts) -> None:
    """A file that is put into a search store, or files that lie in a bucket."""
    if (file := member(body, "fileName")) is not None:
        refer(facts, "file", named(file))
    uris = body.get("uris")
    for uri in uris if type(uris) is list else ():
        refer(facts, "file", uri)


def prompt_turns(body: Any) -> Iterator[Turn]:
    """`{"instances": [{"prompt": …}]}` of pictures and videos."""
    instances = body.get("instances") if type(body) is dict else None
    for instance in instances if type(instances) is list else ():
        turn = Turn("user")
        prompt = instance.get("prompt") if type(instance) is dict else None
        if type(prompt) is str:
            turn.texts.append(prompt)
        turn.media = sum(type(value) is dict for value in instance.values()) if type(instance) is dict else 0
        yield turn


def _predict(body: dict[str, Any], facts: RequestFacts) -> None:
    tally(prompt_turns(body), facts)
    instances = body.get("instances")
    facts.prompts = len(instances) if type(instances) is list else 1


def show(gathering: Gathering, name: Any) -> None:
    """Note a resource by its name, `files/abc` or longer, as kind and id."""
    if type(name) is str:
        collection, slash, identifier = name.rpartition("/")
        kind = _KINDS.get(collection.rpartition("/")[2])
        if slash and kind:
            create(gathering, kind, identifier)


def read_kept(gathering: Gathering, tree: Any) -> None:
    """Take in a resource, a list of such, or an operation and what came out of it."""
    if type(tree) is not dict:
        gathering.seen.unread = True
        return
    seen = gathering.seen
    if error := tree.get("error"):
        seen.error = (word(error.get("status")) if type(error) is dict else None) or error_word(error)
    held = file if type(file := tree.get("file")) is dict else tree
    gathering.names(_bare(held.get("model")), held.get("name"))
    show(gathering, held.get("name"))
    seen.finish = word(held.get("state"))
    for key in _LISTS:
        if type(entries := tree.get(key)) is list:
            seen.choices = len(entries)
    for key in ("metadata", "response"):
        if type(part := tree.get(key)) is dict:
            _read_operation(gathering, part, results=key == "response" or type(tree.get("response")) is not dict)
    if type(usage := tree.get("usageMetadata")) is dict:
        gathering.uses(input_=count(usage.get("totalTokenCount")), output=0)


def _bare(model: Any) -> Any:
    return model.removeprefix("models/") if type(model) is str else model


def _read_operation(gathering: Gathering, part: dict[str, Any], *, results: bool) -> None:
    """A batch's metadata or result; the result may stand in both, and then counts once."""
    seen = gathering.seen
    gathering.names(_bare(part.get("model")), None)
    seen.finish = word(part.get("state")) or seen.finish
    show(gathering, part.get("name") or part.get("tunedModel"))
    if type(stats := part.get("batchStats")) is dict:
        seen.lines = _number(stats.get("requestCount"))
        seen.lines_done = _number(stats.get("successfulRequestCount"))
        seen.lines_failed = _number(stats.get("failedRequestCount"))
    for output in (part, part.get("output")):
        if type(output) is dict:
            show(gathering, output.get("responsesFile"))
            if results:
                _read_inlined(gathering, output)


def _number(value: Any) -> int:
    """Proto3 writes 64-bit numbers as texts."""
    return count(int(value)) if type(value) is str and value.isdecimal() and len(value) < 19 else count(value)


def _read_inlined(gathering: Gathering, output: dict[str, Any]) -> None:
    held = output.get("inlinedResponses")
    entries = held.get("inlinedResponses") if type(held) is dict else None
    if type(entries) is not list:
        return
    usage = [0, 0, 0, 0]
    for entry in entries:
        line = Gathering(collect=False)
        if type(entry) is not dict or not read_result(line, entry):
            continue
        said = line.facts()
        seen = gathering.seen
        seen.text_chars += said.text_chars
        seen.reasoning_chars += said.reasoning_chars
        seen.tool_calls += said.tool_calls
        seen.choices += said.choices
        if said.usage is not None:
            parts = (said.usage.input, said.usage.output, said.usage.cached, said.usage.reasoning)
            usage = [known + one for known, one in zip(usage, parts, strict=True)]
    if any(usage):
        gathering.uses(input_=usage[0], output=usage[1], cached=usage[2], reasoning=usage[3])


def read_result(gathering: Gathering, line: dict[str, Any]) -> bool | None:
    """Take in `{"key", "response": {…}}` or `{"key", "error": {…}}`; None for a line of another kind."""
    if type(answer := line.get("response")) is dict:
        read_generated(gathering, answer)
        return True
    if error := line.get("error") or line.get("status"):
        gathering.seen.error = error_word(error)
        return None if "code" in (error if type(error) is dict else {}) and "key" not in line and "metadata" not in line else False
    return None


def _answer(stream: str, collect: bool) -> AnswerReader:
    return WholeReader(read_kept, collect=collect) if stream == "json" else CountedReader()


def _content(stream: str, collect: bool) -> AnswerReader:  # noqa: ARG001 - a file's content has no known type
    return ResultLines(read_result, read_kept, collect=collect)


def _no_turns(_body: Any) -> tuple[Turn, ...]:
    return ()


def _about(name: str, method: str, pattern: str, *, teaches: bool = False, answer: Any = _answer) -> Endpoint:
    return Endpoint(name, method, pattern, read_about, _messages(_no_turns), answer, teaches=teaches, json_body=False)


def _messages(turns: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda body: as_messages(turns(body))


def _asking(
    name: str, pattern: str, read: Any, *, turns: Callable[[Any], Any] = _no_turns, teaches: bool = False, method: str = "POST"
) -> Endpoint:
    return Endpoint(name, method, pattern, read, _messages(turns), _answer, teaches=teaches)


def _upload(name: str, pattern: str) -> Endpoint:
    return Endpoint(
        name,
        "POST",
        pattern,
        read_upload,
        _messages(_no_turns),
        _answer,
        teaches=False,
        json_body=False,
        body_cap=2 * _GIB,
        carries="file",
        links=UPLOAD_LINKS,
    )


def _carrier(method: str, carried: str, *, teaches: bool) -> Endpoint:
    return Endpoint(
        "batch_create",
        "POST",
        "/v1beta/{model}:" + method,
        _object(_batch),
        _messages(_no_turns),
        _answer,
        teaches=teaches,
        carries="batch",
        carried="/v1beta/{model}:" + carried,
    )


_read_plain = _object(lambda _body, _facts: None)
_STORE = "/v1beta/fileSearchStores/{vector_store_id}"

ROWS = (
    _carrier("batchGenerateContent", "generateContent", teaches=True),
    _carrier("asyncBatchEmbedContent", "embedContent", teaches=False),
    _about("batches", "GET", "/v1beta/batches"),
    _about("batch", "GET", "/v1beta/batches/{batch_id}", teaches=True),
    _about("batch_cancel", "POST", "/v1beta/batches/{batch_id}:cancel"),
    _about("batch_delete", "DELETE", "/v1beta/batches/{batch_id}"),
    _upload("file_upload", "/upload/v1beta/files"),
    _asking("file_register", "/v1beta/files:register", _object(_files)),
    _about("files", "GET", "/v1beta/files"),
    _about("file_content", "GET", "/v1beta/files/{file_id}:download", teaches=True, answer=_content),
    _about("file", "GET", "/v1beta/files/{file_id}"),
    _about("file_delete", "DELETE", "/v1beta/files/{file_id}"),
    _asking("cache_create", "/v1beta/cachedContents", requests.read_generate, turns=requests.generate_turns),
    _about("caches", "GET", "/v1beta/cachedContents"),
    _about("cache", "GET", "/v1beta/cachedContents/{cache_id}"),
    _asking("cache_update", "/v1beta/cachedContents/{cache_id}", _read_plain, method="PATCH"),
    _about("cache_delete", "DELETE", "/v1beta/cachedContents/{cache_id}"),
    _asking("fine_tune_create", "/v1beta/tunedModels", _object(_tuning), turns=tuning_turns),
    _asking("fine_tune_update", "/v1beta/tunedModels/{tuned_model_id}", _read_plain, method="PATCH"),
    _asking("fine_tune_transfer", "/v1beta/tunedModels/{tuned_model_id}:transferOwnership", _read_plain),
    _about("model_delete", "DELETE", "/v1beta/tunedModels/{tuned_model_id}"),
    _about("operation", "GET", "/v1beta/{model}/operations/{operation_id}", teaches=True),
    _about("operation", "GET", "/v1beta/operations/{operation_id}", teaches=True),
    _asking("images", "/v1beta/{model}:predict", _object(_predict), turns=prompt_turns, teaches=True),
    _asking("video_create", "/v1beta/{model}:predictLongRunning", _object(_predict), turns=prompt_turns, teaches=True),
    _asking("vector_store_create", "/v1beta/fileSearchStores", _read_plain),
    _about("vector_stores", "GET", "/v1beta/fileSearchStores"),
    _upload("vector_store_file_add", "/upload/v1beta/fileSearchStores/{vector_store_id}:uploadToFileSearchStore"),
    _asking("vector_store_file_add", _STORE + ":importFile", _object(_files)),
    _about("operation", "GET", _STORE + "/operations/{operation_id}"),
    _about("operation", "GET", _STORE + "/upload/operations/{operation_id}"),
    _about("vector_store_files", "GET", _STORE + "/documents"),
    _about("vector_store_file", "GET", _STORE + "/documents/{document_id}"),
    _about("vector_store_file_remove", "DELETE", _STORE + "/documents/{document_id}"),
    _about("vector_store", "GET", _STORE),
    _about("vector_store_delete", "DELETE", _STORE),
    _asking("realtime_secret", "/v1alpha/auth_tokens", _read_plain),
)
