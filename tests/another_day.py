"""Runs a command, and all that it starts, on another day:

    .venv/bin/python -m tests.another_day 2029-01-01 .venv/bin/python -m pytest tests/journey

A library that is loaded before all others adds whole days to what the system says the date is, and to the times of files that
change meanwhile; clocks that measure spans, and files that were there, stay as they are. So the product needs no way to be told a
false date. It takes a C compiler and Linux.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_VARIABLE, _BEGAN = "TESTS_DAYS_LATER", "TESTS_BEGAN"
_SOURCE = f"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#define REAL(name) ({{ static __typeof__(&name) real; real = real ? real : (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; }})

static time_t later(void)
{{
    const char *days = getenv("{_VARIABLE}");
    return days ? atol(days) * 86400L : 0;
}}

static time_t began(void)
{{
    const char *second = getenv("{_BEGAN}");
    return second ? atol(second) : 0;
}}

int clock_gettime(clockid_t clock, struct timespec *told)
{{
    int failed = REAL(clock_gettime)(clock, told);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        told->tv_sec += later();
    return failed;
}}

int gettimeofday(struct timeval *restrict told, void *restrict zone)
{{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    told->tv_sec = now.tv_sec;
    told->tv_usec = now.tv_nsec / 1000;
    return 0;
}}

time_t time(time_t *told)
{{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (told)
        *told = now.tv_sec;
    return now.tv_sec;
}}

#define DATED(asked)             \\
    int failed = asked;          \\
    if (!failed && told->st_ctim.tv_sec >= began()) {{ \\
        told->st_atim.tv_sec += later(); \\
        told->st_mtim.tv_sec += later(); \\
        told->st_ctim.tv_sec += later(); \\
    }}                            \\
    return failed

static const struct timespec *back(const struct timespec given[2], struct timespec real[2])
{{
    for (int each = 0; given && each < 2; each++) {{
        real[each] = given[each];
        if (real[each].tv_nsec != UTIME_NOW && real[each].tv_nsec != UTIME_OMIT)
            real[each].tv_sec -= later();
    }}
    return given ? real : given;
}}

int utimensat(int folder, const char *path, const struct timespec given[2], int how)
{{
    struct timespec own[2];
    return REAL(utimensat)(folder, path, back(given, own), how);
}}

int futimens(int file, const struct timespec given[2])
{{
    struct timespec own[2];
    return REAL(futimens)(file, back(given, own));
}}
"""
_STATS = """
int stat{0}(const char *path, struct stat{0} *told) {{ DATED(REAL(stat{0})(path, told)); }}
int lstat{0}(const char *path, struct stat{0} *told) {{ DATED(REAL(lstat{0})(path, told)); }}
int fstat{0}(int file, struct stat{0} *told) {{ DATED(REAL(fstat{0})(file, told)); }}
int fstatat{0}(int folder, const char *path, struct stat{0} *told, int how) {{ DATED(REAL(fstatat{0})(folder, path, told, how)); }}
"""


def possible() -> bool:
    """Whether this machine can do it."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def built(folder: Path) -> Path:
    """The library, built in a folder that everybody may read: servers under test run as other users."""
    source, library = folder / "another_day.c", folder / "another_day.so"
    source.write_text(_SOURCE + _STATS.format("") + _STATS.format("64"))
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True, timeout=60)
    return library


def environment(day: dt.date, library: Path) -> dict[str, str]:
    """The environment of a process for which it is that day; this one may itself be on another."""
    days = (day - dt.datetime.now(dt.UTC).date()).days + int(os.environ.get(_VARIABLE, "0"))
    began = os.environ.get(_BEGAN) or int(time.time())
    return {**os.environ, "LD_PRELOAD": str(library), _VARIABLE: str(days), _BEGAN: str(began)}


def main() -> int:
    """Run the command; returns its exit code."""
    day, *command = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        return subprocess.run(command, env=environment(dt.date.fromisoformat(day), built(Path(folder))), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
