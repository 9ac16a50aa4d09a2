"""Providers' usage exports, in the forms in which they come."""

from __future__ import annotations

import json

import pytest

from proxy.review.usage_exports import ExportError, Used, read

DAY = 20_665
"""2026-07-31."""

OPENAI = {
    "object": "page",
    "data": [
        {
            "object": "bucket",
            "start_time": DAY * 86_400,
            "end_time": (DAY + 1) * 86_400,
            "results": [
                {
                    "object": "organization.usage.completions.result",
                    "input_tokens": 1000,
                    "output_tokens": 500,
                    "input_cached_tokens": 800,
                    "num_model_requests": 5,
                    "project_id": None,
                    "api_key_id": "key_abc",
                    "model": "gpt-5-2026-01-01",
                    "batch": None,
                }
            ],
        }
    ],
    "has_more": False,
    "next_page": None,
}
ANTHROPIC = {
    "data": [
        {
            "starting_at": "2026-07-31T00:00:00Z",
            "ending_at": "2026-08-01T00:00:00Z",
            "results": [
                {
                    "uncached_input_tokens": 100,
                    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 3},
                    "cache_read_input_tokens": 4000,
                    "output_tokens": 50,
                    "api_key_id": "apikey_01",
                    "model": "claude-x",
                    "server_tool_use": {"web_search_requests": 1},
                }
            ],
        }
    ],
    "has_more": True,
    "next_page": "page_x",
}
BILL = (
    "Project ID,Service description,SKU description,Usage start date,Usage amount,Cost\n"
    'p-1,Gemini API,Generate content input token count Gemini 2.5 Flash,2026-07-31,"1,000",1\n'
    "p-1,Gemini API,Generate content output token count Gemini 2.5 Flash,2026-07-31,400,1\n"
    "p-1,Cloud Storage,Standard Storage US Regional,2026-07-31,7,1\n"
)
ROWS = [
    {
        "project": {"id": "p-1"},
        "service": {"description": "Gemini API"},
        "sku": {"description": "Generate content input token count"},
        "usage_start_time": "2026-07-31 23:00:00 UTC",
        "usage": {"amount": 1000.0, "unit": "count"},
    }
]


@pytest.mark.parametrize(
    ("content", "provider", "expected"),
    [
        (json.dumps(OPENAI), "openai", [Used(DAY, "key_abc", "gpt-5-2026-01-01", 5, 1000, 500)]),
        (
            (
                "start_time,start_time_iso,input_tokens,output_tokens,num_model_requests,api_key_id,model\n"
                f"{DAY * 86_400},2026-07-31T00:00:00+00:00,10,5,2,key_abc,gpt-5\n"
            ),
            "openai",
            [Used(DAY, "key_abc", "gpt-5", 2, 10, 5)],
        ),
        (json.dumps(ANTHROPIC), "anthropic", [Used(DAY, "apikey_01", "claude-x", None, 4123, 50)]),
        (
            (
                "usage_date_utc,model_version,api_key,usage_input_tokens_no_cache,usage_input_tokens_cache_read,usage_output_tokens\n"
                "2026-07-31,claude-x,prod,100,4000,50\n"
            ),
            "anthropic",
            [Used(DAY, "prod", "claude-x", None, 4100, 50)],
        ),
        (BILL, "google", [Used(DAY, "p-1", "", None, 1000, None), Used(DAY, "p-1", "", None, None, 400)]),
        ("\n".join(map(json.dumps, ROWS)), "google", [Used(DAY, "p-1", "", None, 1000, None)]),
    ],
)
def test_whose_it_is_shows_in_its_columns(content: str, provider: str, expected: list[Used]) -> None:
    """Each form is told by what it holds, and read to the same: cached tokens are input, days are of UTC."""
    export = read("export", b"\xef\xbb\xbf" + content.encode(), None)
    assert (export.provider, export.used) == (provider, expected)
    assert export.more == ('"has_more": true' in content)


def test_pages_in_one_file() -> None:
    """Pages one after the other, or as a list; only the last one tells whether more is missing."""
    first = {**OPENAI, "has_more": True}
    for text in (f"{json.dumps(first)}\n{json.dumps(OPENAI)}\n", json.dumps([first, OPENAI])):
        export = read("pages", text.encode(), None)
        assert (len(export.used), export.more) == (2, False)


def test_a_csv_of_any_form() -> None:
    """By a map of its columns, whatever letters they are written in."""
    content = b"Date;x,Who,In Tokens\n2026-07-31,bob,7\n"
    export = read("bill.csv", content, "csv", {"day": ["date x"], "key": ["WHO"], "input": ["In Tokens"]})
    assert export.used == [Used(DAY, "bob", "", None, 7, None)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe", "neither JSON nor CSV"),
        (b"[1]", "should hold objects"),
        (b"{" * 100_000, "neither JSON nor CSV"),
        (b"", "holds no usage"),
        (b"a,b\n1,2\n", "whose export is it"),
        (b"num_model_requests,start_time\n5,\n", "row 1: has no day"),
        (b"num_model_requests,start_time\n5,yesterday\n", "row 1: 'yesterday' is no day"),
        (b"num_model_requests,start_time\n-5,2026-07-31\n", "row 1: '-5' is no count"),
        (b"num_model_requests,start_time\nnan,2026-07-31\n", "row 1: 'nan' is no count"),
    ],
)
def test_what_cannot_be_read_is_named(content: bytes, told: str) -> None:
    """The file, and the row where there is one."""
    with pytest.raises(ExportError, match=told) as caught:
        read("export.csv", content, None)
    assert str(caught.value).startswith("export.csv: ")
