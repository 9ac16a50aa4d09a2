"""Answers that are numbers: rerankers, and vLLM's scores, poolings and tokens."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, whole
from proxy.demo.scripted.wording import vector


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _usage(asked: Asked) -> dict[str, int]:
    return {"prompt_tokens": asked.tokens_in, "total_tokens": asked.tokens_in, "completion_tokens": 0}


def rerank(asked: Asked) -> Content:
    """POST …/rerank: the documents in the order in which they came."""
    documents = asked.json.get("documents") or []
    rows = [{"index": at, "relevance_score": 0.9 - at / 10, "document": {"text": str(text)}} for at, text in enumerate(documents)]
    return whole({"id": "rerank-" + asked.stamp.hex("id"), "model": asked.model, "results": rows, "usage": _usage(asked)})


def score(asked: Asked) -> Content:
    """POST …/score."""
    rows = [{"index": at, "object": "score", "score": 0.5} for at, _ in enumerate(_listed(asked.json.get("text_2")))]
    return whole(
        {"id": "score-" + asked.stamp.hex("id"), "object": "list", "model": asked.model, "data": rows, "usage": _usage(asked)}
    )


def pooling(asked: Asked) -> Content:
    """POST /pooling."""
    rows = [
        {"index": at, "object": "pooling", "data": vector(str(text), 8)} for at, text in enumerate(_listed(asked.json.get("input")))
    ]
    return whole(
        {"id": "pool-" + asked.stamp.hex("id"), "object": "list", "model": asked.model, "data": rows, "usage": _usage(asked)}
    )


def tokenize(asked: Asked) -> Content:
    """POST /tokenize."""
    return whole({"count": asked.tokens_in, "max_model_len": 4096, "tokens": list(range(asked.tokens_in)), "token_strs": None})


def detokenize(asked: Asked) -> Content:
    """POST /detokenize."""
    return whole({"prompt": asked.text})
