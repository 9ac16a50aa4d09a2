"""The sentence in an error of ours, which all dialects carry: it names the record, whatever else of the error a client shows."""

from __future__ import annotations


def with_record(message: str, record_id: str) -> str:
    """The message, and after it the record unless it names it or there is none."""
    return message if not record_id or record_id in message else f"{message} (record {record_id})"
