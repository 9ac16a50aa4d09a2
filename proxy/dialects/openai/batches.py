"""Batches: a file of requests that are answered later, into a file."""

from __future__ import annotations

from proxy.dialects.openai import requests
from proxy.dialects.openai.rows import about, asking
from proxy.dialects.parameters import reference, text

_read_batch = requests.reader({"input_file_id": reference("file"), "endpoint": text("batch_endpoint")})

ROWS = (
    asking("batch_create", "/v1/batches", _read_batch, "batch", teaches=True),
    about("batches", "GET", "/v1/batches"),
    about("batch", "GET", "/v1/batches/{batch_id}", "batch"),
    about("batch_cancel", "POST", "/v1/batches/{batch_id}/cancel", "batch"),
)
