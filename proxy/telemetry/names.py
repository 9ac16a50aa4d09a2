"""Names of metrics: constants, with the help text that /metrics prints beside them.

Units stand in the name (`_seconds`, `_bytes`), counters end in `_total`. Labels are bounded sets (`LABELS`): never a key, an end
user or free text. docs/metrics.md is written from this module.

A process answers `{"do": "stats"}` on its channel with `{"event": "stats", "metrics": [[name, labels, value], …],
"faults": [text, …]}`; `labels` is an object of strings and may be empty. `faults` are reasons why this
process cannot do its duty now (a gateway whose ledger takes no writes, for one): while there is one,
/readyz answers 503 and prints it.
"""

from __future__ import annotations

PREFIX = "tos_proxy_"

BUILD = "tos_proxy_build"
UPTIME_SECONDS = "tos_proxy_uptime_seconds"
CHILD_UP = "tos_proxy_child_up"
CHILD_READY = "tos_proxy_child_ready"
CHILD_STARTS = "tos_proxy_child_starts_total"
CHILD_SILENT = "tos_proxy_child_silent"
DRAINING = "tos_proxy_draining"

ADMITTED = "tos_proxy_exchanges_admitted_total"
FORWARDED = "tos_proxy_exchanges_forwarded_total"
REFUSED = "tos_proxy_exchanges_refused_total"
ENDED = "tos_proxy_exchanges_ended_total"
OPEN = "tos_proxy_exchanges_open"
UNREADABLE = "tos_proxy_requests_unreadable_total"
CONNECTIONS = "tos_proxy_connections_open"
RECEIVED_BYTES = "tos_proxy_request_bytes_total"
DELIVERED_BYTES = "tos_proxy_answer_bytes_total"
SPOOL_ENTRIES = "tos_proxy_spool_entries_total"
SPOOL_BYTES = "tos_proxy_spool_bytes"
SPOOL_SYNC_SECONDS = "tos_proxy_spool_sync_seconds_total"
SPOOL_SYNCS = "tos_proxy_spool_syncs_total"
LEDGER_GAPS = "tos_proxy_ledger_gaps_total"
DECISIONS = "tos_proxy_decisions_total"
VERDICTS = "tos_proxy_verdicts_total"
TOKENS = "tos_proxy_tokens_total"
DISPATCH_SECONDS = "tos_proxy_dispatch_seconds"
SNAPSHOT_NUMBER = "tos_proxy_snapshot_number"
RESIDENT_BYTES = "tos_proxy_resident_bytes"
CPU_SECONDS = "tos_proxy_cpu_seconds_total"

REFERENCES = "tos_proxy_references_total"

SHIPPED_ENTRIES = "tos_proxy_shipped_entries_total"
SHIP_LAG_ENTRIES = "tos_proxy_ship_lag_entries"
SHIP_LAG_SECONDS = "tos_proxy_ship_lag_seconds"
CONFIGURATION_BAD = "tos_proxy_configuration_bad"
INDEXED_OBJECTS = "tos_proxy_reference_index_objects"
INDEX_DROPPED = "tos_proxy_reference_index_dropped_total"
LEASES_LINKED = "tos_proxy_leases_linked"
LEASES_FAILURES = "tos_proxy_leases_failures_total"
LEASES_VOIDED = "tos_proxy_leases_voided_total"
LIMITS_OVERRUN = "tos_proxy_limits_overrun_total"
LIMITS_REFUSED = "tos_proxy_limits_refused_total"
FINDINGS_RAISED = "tos_proxy_findings_raised_total"
FINDINGS_LAG_ENTRIES = "tos_proxy_findings_lag_entries"
DETECTION_RECORDS = "tos_proxy_detection_records_total"
DETECTION_LAG_ENTRIES = "tos_proxy_detection_lag_entries"
STANDINGS = "tos_proxy_standings"
ALERTS_SENT = "tos_proxy_alerts_sent_total"
ALERTS_FAILED = "tos_proxy_alerts_failed_total"
OTLP_SENT = "tos_proxy_otlp_records_total"
OTLP_FAILED = "tos_proxy_otlp_failures_total"

HISTOGRAMS = (DISPATCH_SECONDS,)
"""Names that stand for `_bucket`, `_sum` and `_count`."""

LABELS: dict[str, tuple[str, ...]] = {
    BUILD: ("version",),
    ENDED: ("outcome",),
    REFERENCES: ("known",),
    DECISIONS: ("effect",),
    VERDICTS: ("verdict",),
    TOKENS: ("upstream", "kind"),
    DISPATCH_SECONDS: ("le",),
    FINDINGS_RAISED: ("kind",),
    DETECTION_RECORDS: ("result",),
    STANDINGS: ("standing",),
}
"""Labels beside `process`, which every figure of a child carries. All others have none."""

HELP: dict[str, str] = {
    BUILD: "Constant 1; the label tells the version.",
    UPTIME_SECONDS: "Seconds since the supervisor started.",
    CHILD_UP: "1 while the child process runs.",
    CHILD_READY: "1 while the child process is ready.",
    CHILD_STARTS: "How often the child process was started.",
    CHILD_SILENT: "1 if the child did not answer this scrape in time; its figures are then the last ones known.",
    DRAINING: "1 once shutdown has begun.",
    ADMITTED: "Exchanges whose request head was complete and admitted; equals forwarded + refused.",
    FORWARDED: "Exchanges sent to an upstream; equals the sum of ended + open.",
    REFUSED: "Exchanges answered by the proxy itself.",
    ENDED: "Exchanges that ended, by outcome.",
    OPEN: "Exchanges sent to an upstream that have not ended yet.",
    UNREADABLE: "Connections and requests that failed before a complete request head.",
    CONNECTIONS: "Client connections open.",
    RECEIVED_BYTES: "Request body bytes of exchanges sent to an upstream.",
    DELIVERED_BYTES: "Answer body bytes delivered to clients, of exchanges that ended.",
    SPOOL_ENTRIES: "Entries appended to the spool.",
    SPOOL_BYTES: "Bytes of spool segments on disk.",
    SPOOL_SYNC_SECONDS: "Time spent in writing and syncing group commits.",
    SPOOL_SYNCS: "Group commits of the spool.",
    DECISIONS: "Decisions about exchanges, by the strictest effect of all rules: allow, flag, throttle, deny.",
    VERDICTS: "What the terms say of exchanges: allow, allow_with_obligations, review, forbid.",
    TOKENS: "Tokens of answers that ended, by configured upstream and kind (input, output; of them cached, reasoning).",
    DISPATCH_SECONDS: "From the arrival of a request's head until it may go upstream: body, judging, limits, durable intent.",
    LEDGER_GAPS: "Exchanges served although the ledger could not write (ledger.on_failure: serve).",
    SNAPSHOT_NUMBER: "Number of the snapshot in force.",
    RESIDENT_BYTES: "Resident memory of the process.",
    CPU_SECONDS: "Processor time of the process, user and system.",
    REFERENCES: "References of requests, by whether what they name was made by a record that we know.",
    SHIPPED_ENTRIES: "Entries shipped to the store.",
    SHIP_LAG_ENTRIES: "Entries in the spool that are not in the store yet.",
    SHIP_LAG_SECONDS: "Age of the oldest entry that is not in the store yet.",
    CONFIGURATION_BAD: "1 while the configuration file cannot be used and the last good one is in force.",
    INDEXED_OBJECTS: "Objects in the reference index that control publishes on this machine.",
    INDEX_DROPPED: "Objects that the reference index let go because it was full; the oldest go first.",
    LEASES_LINKED: "1 while the worker's limits are leased from Redis.",
    LEASES_FAILURES: "How often Redis gave no answer, or could not be reached.",
    LEASES_VOIDED: "How often all leases were void, since Redis had forgotten what it gave out.",
    LIMITS_OVERRUN: "Tokens that were used beyond a budget, since answers were longer than was reserved for them.",
    LIMITS_REFUSED: "Exchanges refused by a limit.",
    FINDINGS_RAISED: "Findings raised, by kind; what repeats one that is there is not counted.",
    FINDINGS_LAG_ENTRIES: "Entries in the store that no finding has been drawn from yet.",
    DETECTION_RECORDS: "Ended records that the analyst looked at, skipped since it was behind, or could not look at (failed).",
    DETECTION_LAG_ENTRIES: "Entries in the store that the analyst has not read yet.",
    STANDINGS: "Principals that stand otherwise than normal: watched, limited, suspended.",
    ALERTS_SENT: "Messages that a target of alerts took.",
    ALERTS_FAILED: "Attempts to send a message, or a batch of exchanges, that a target of alerts did not take.",
    OTLP_SENT: "Ended records that the OpenTelemetry collector took.",
    OTLP_FAILED: "Batches that the OpenTelemetry collector did not take; they are sent again.",
}
