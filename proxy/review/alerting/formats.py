"""How an event is written for whoever is told of it: one function a format, all of the same event.

`standard` is the payload of Standard Webhooks; `slack` what incoming webhooks of Slack and its like take; `ocsf` a Detection
Finding or an API Activity of the Open Cybersecurity Schema Framework 1.5; `jsonl` the event as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from proxy import __version__
from proxy.review.alerting.events import Event

Format = Callable[[Event], bytes]

_SEVERITY_IDS = {"notice": 1, "low": 2, "medium": 3, "high": 4}
_OCSF = "1.5.0"
_FINDING_CLASS, _API_CLASS = 2004, 6003
_OTHER = 99
_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def _standard(event: Event) -> bytes:
    return msgspec.json.encode(
        {
            "type": event.type,
            "timestamp": datetime.fromtimestamp(event.at / 1_000_000, UTC).isoformat(),
            "data": {"id": event.id, "kind": event.kind, "severity": event.severity, "title": event.title, **event.told},
        }
    )


def _slack(event: Event) -> bytes:
    """A line and its facts; what would be markup or a mention there is text (`&`, `<`, `>` are all that has to be escaped)."""
    facts = [f"*{name.replace('_', ' ')}*: {_plain(value)}" for name, value in event.told.items() if name != "sentences"]
    lines = [f"*{_plain(event.title)}* ({event.severity})", *map(_plain, event.told.get("sentences", ())), " · ".join(facts)]
    return msgspec.json.encode({"text": "\n".join(line for line in lines if line)})


def _plain(value: Any) -> str:
    told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return told.translate(_MARKS).replace("*", "\u2217").replace("`", "'")


def _ocsf(event: Event) -> bytes:
    return msgspec.json.encode(_api_activity(event) if event.type == "exchange" else _detection_finding(event))


def _common(event: Event, category: int, kind: int, activity: int) -> dict[str, Any]:
    return {
        "category_uid": category,
        "class_uid": kind,
        "activity_id": activity,
        "type_uid": kind * 100 + activity,
        "time": event.at // 1000,
        "severity_id": _SEVERITY_IDS[event.severity],
        "metadata": {
            "version": _OCSF,
            "uid": event.id,
            "product": {"name": "tos-proxy", "vendor_name": "tos-proxy", "version": __version__},
        },
    }


def _detection_finding(event: Event) -> dict[str, Any]:
    made = 1 if event.type == "finding.raised" else 2  # Create, Update
    told = _common(event, 2, _FINDING_CLASS, made)
    told["message"] = event.title
    told["finding_info"] = {
        "uid": event.told.get("finding") or event.told.get("case") or event.id,
        "title": event.title,
        "types": [event.kind],
        "desc": " ".join(event.told.get("sentences", ())),
        "created_time": event.at // 1000,
    }
    told["unmapped"] = {name: value for name, value in event.told.items() if name != "sentences"}
    return told


def _api_activity(event: Event) -> dict[str, Any]:
    facts: Mapping[str, Any] = event.told
    told = _common(event, 6, _API_CLASS, _OTHER)
    told["activity_name"] = "Model query"
    told["actor"] = {"user": {"name": facts.get("principal", ""), "type_id": 0}}
    told["api"] = {"operation": facts.get("endpoint", ""), "service": {"name": facts.get("upstream", "")}}
    told["dst_endpoint"] = {"hostname": facts.get("host", "")}
    told["src_endpoint"] = {"uid": facts.get("source", "") or "unknown"}
    told["http_response"] = {"code": facts.get("status", 0)}
    told["status_id"] = 2 if facts.get("decision") == "deny" else 1
    told["unmapped"] = dict(facts)
    return told


FORMATS: dict[str, Format] = {"standard": _standard, "slack": _slack, "ocsf": _ocsf, "jsonl": msgspec.json.encode}
"""By the name that the configuration gives them."""
