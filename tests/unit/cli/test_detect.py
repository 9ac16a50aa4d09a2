"""`tos-proxy detect` over files of recorded traffic."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from threading import Thread
from time import sleep

from proxy.cli.detect import growing
from tests.unit.cli.conftest import Command
from tests.unit.control.test_watching import lines


def test_findings_and_the_exit_code(command: Command, tmp_path: Path) -> None:
    """A pipeline is found and the exit is 1; declared it is not, and the exit is 0; JSON is one object a client."""
    (tmp_path / "a.jsonl").write_text(lines(150))
    ran = command("detect", "a.jsonl")
    assert ran.code == 1
    assert "extraction" in ran.out
    assert "c: Looks like extraction" in ran.out
    told = command("detect", "--json", "a.jsonl", "a.jsonl")
    assert [json.loads(line)["client"] for line in told.out.splitlines()] == ["c", "c"]
    merged = command("detect", "--json", "--merge", "a.jsonl", "a.jsonl")
    assert json.loads(merged.out)["requests"] == 300
    declared = command("detect", "--json", "--purpose", "c=train.self_distill", "a.jsonl")
    assert declared.code == 0
    assert json.loads(declared.out)["flagged_at"] is None


def test_times_are_stretched(command: Command, tmp_path: Path) -> None:
    """A time scale multiplies the seconds of a finding."""
    (tmp_path / "a.jsonl").write_text(lines(150))
    plain, scaled = (json.loads(command("detect", "--json", *more, "a.jsonl").out) for more in ((), ("--time-scale", "10")))
    assert scaled["flagged_t"] == 10 * plain["flagged_t"]


def test_bad_lines_are_named(command: Command, tmp_path: Path) -> None:
    """A line that is no record is named and passed over; a file of nothing else is an error."""
    (tmp_path / "a.jsonl").write_text("{\n" + lines(5))
    ran = command("detect", "a.jsonl")
    assert ran.code == 0
    assert "a.jsonl:1: not JSON" in ran.err
    (tmp_path / "b.jsonl").write_text("{\n" * 30)
    ran = command("detect", "b.jsonl")
    assert ran.code == 2
    assert "and 10 more lines" in ran.err
    assert ran.err.count("\n") == 21


def test_odd_records(command: Command, tmp_path: Path) -> None:
    """Whatever a record's values are, there is a report and no failure."""
    odd = [
        {
            "client": "a\ud800",
            "t": 1,
            "path": "/v1/chat/completions",
            "body": {"messages": [{"role": "user", "content": "hi \ud800"}]},
        },
        {"client": 7, "t": "2026-01-01T00:00:00Z", "path": None, "body": None, "usage": None, "response_text": {"a": 1}},
        {"client": "b", "t": -5, "path": "/v1/messages", "body": {"messages": None}, "status": "x", "headers": []},
        {"client": "b", "t": 3, "path": "/v1/files", "body": {"purpose": "batch", "file": "{}\n[]\nx"}},
        {"client": "b", "t": 2, "path": "/v1/completions", "body": {"prompt": [[1, 2], 3, None]}},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, odd)))
    ran = command("detect", "--json", "a.jsonl")
    assert ran.code == 0
    assert [json.loads(line)["client"] for line in ran.out.splitlines()] == ["a?", "7", "b"]


def test_wrong_usage(command: Command, tmp_path: Path) -> None:
    """What is missing, unknown or fits nothing is a usage error of one line, and so is a map beside a preset."""
    (tmp_path / "a.jsonl").write_text(lines(5))
    (tmp_path / "a.jsonl.gz").touch()
    for arguments in (
        ["x.jsonl"],
        ["--preset", "nginx", "a.jsonl"],
        ["--purpose", "c=fun", "a.jsonl"],
        ["--purpose", "c", "a.jsonl"],
        ["--time-scale", "nan", "a.jsonl"],
        ["--time-scale", "0", "a.jsonl"],
        ["--time-scale", "inf", "a.jsonl"],
        ["--preset", "litellm", "--map", "a.jsonl", "a.jsonl"],
        ["--preset", "vllm", "a.jsonl"],
        ["--follow", "a.jsonl.gz"],
        ["."],
    ):
        ran = command("detect", *arguments)
        assert ran.code == 2
        assert ran.err.count("\n") == 1


def test_a_packed_file_that_ends_early(command: Command, tmp_path: Path) -> None:
    """What could be unpacked is judged, and where that ended is said; of a file of which nothing could be, the exit is 2."""
    packed = gzip.compress(lines(150).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[:-4])
    ran = command("detect", "--json", "a.jsonl.gz")
    assert (ran.code, json.loads(ran.out)["requests"]) == (1, 150)
    assert "a.jsonl.gz:150: cannot be read any further: " in ran.err
    (tmp_path / "b.jsonl.gz").write_text(lines(5))
    ran = command("detect", "b.jsonl.gz")
    assert (ran.code, ran.out) == (2, "")
    assert "b.jsonl.gz: cannot be read: Not a gzipped file" in ran.err


def test_what_looks_like_a_slip_is_told(command: Command, tmp_path: Path) -> None:
    """A purpose of nobody there, and records without a prompt, are told of, since they look like nothing found."""
    (tmp_path / "a.jsonl").write_text('{"client": "c", "t": 1, "prompts": ["hi"]}\n')
    ran = command("detect", "--purpose", "d=eval.private", "--purpose", "*=use.product", "a.jsonl")
    assert ran.code == 0
    assert "--purpose d=…: no record is of a client of this name" in ran.err
    assert "in none of these records" in ran.err


def test_a_map(command: Command, tmp_path: Path) -> None:
    """A map names where fields stand; what it does not know is said with line and column."""
    record = {"who": "c", "t": 1, "ask": {"messages": [{"role": "user", "content": "Why?"}]}}
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    (tmp_path / "map.yaml").write_text("client: who\nbody: ask\n")
    assert json.loads(command("detect", "--json", "--map", "map.yaml", "a.jsonl").out)["client"] == "c"
    (tmp_path / "map.yaml").write_text("client: who\nboddy: ask\n")
    ran = command("detect", "--map", "map.yaml", "a.jsonl")
    assert ran.code == 2
    assert "map.yaml:2:1" in ran.err
    assert command("detect", "--map", "nowhere.yaml", "a.jsonl").code == 2


def test_a_pipe_is_followed_to_its_end(command: Command, tmp_path: Path) -> None:
    """What another program writes is read until that has gone; findings come as JSON, an index's time scale counts."""
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "index.json").write_text('{"runs": [{"file": "pipe.jsonl", "time_scale": 10}]}')
    writer = Thread(target=lambda: (tmp_path / "pipe.jsonl").write_text(lines(150).rstrip()))
    writer.start()
    ran = command("detect", "--follow", "pipe.jsonl")
    writer.join()
    (tmp_path / "a.jsonl").write_text(lines(150))
    plain = json.loads(command("detect", "--json", "a.jsonl").out)
    told = json.loads(ran.out)
    assert ran.code == 1
    assert (told["kind"], told["flagged_at"], told["flagged_t"]) == ("extraction", plain["flagged_at"], 10 * plain["flagged_t"])


def test_a_growing_file(tmp_path: Path) -> None:
    """Lines are given once they are whole, also those that are written later."""
    file = tmp_path / "a.jsonl"
    file.write_text("one\ntw")
    more = iter([True] * 200)

    def write() -> None:
        sleep(0.05)
        with file.open("a") as growing_file:
            growing_file.write("o\nthree\n")

    writer = Thread(target=write)
    writer.start()
    found = []
    for line in growing(file, pause=0.01, idle=lambda: next(more, False)):
        found.append(line)
        if len(found) == 3:
            break
    writer.join()
    assert found == ["one\n", "two\n", "three\n"]


def test_a_log_that_is_begun_anew(tmp_path: Path) -> None:
    """A log that is moved away and made again, or emptied in its place, is read from its beginning."""
    file = tmp_path / "a.jsonl"
    file.write_text("one\ntwo")
    lines_read = growing(file, pause=0.001)
    assert next(lines_read) == "one\n"
    file.rename(tmp_path / "a.jsonl.1")
    file.write_text("three\nfour\n")
    assert [next(lines_read) for _ in range(3)] == ["two", "three\n", "four\n"]
    file.write_text("five\n")
    assert next(lines_read) == "five\n"


def test_a_log_is_read_until_its_writer_lets_go_of_it(tmp_path: Path) -> None:
    """What is still written to a log that was moved away is read before the new one is."""
    file = tmp_path / "a.jsonl"
    with file.open("w") as old:
        late = iter(["o\nthree\n", *[""] * 200])

        def idle() -> bool:
            more = next(late, None)
            old.write(more or "")
            old.flush()
            return more is not None

        old.write("one\ntw")
        old.flush()
        lines_read = growing(file, pause=0.001, idle=idle)
        assert next(lines_read) == "one\n"
        file.rename(tmp_path / "a.jsonl.1")
        file.write_text("four\n")
        assert list(lines_read) == ["two\n", "three\n", "four\n"]
