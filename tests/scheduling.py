"""A pytest plugin: which tests go to one worker together, and which of them begin first.

Tests of one file share what it begins (a proxy, a browser, one long run that all of them judge), so a worker gets the file whole.
Where each test is a long run of its own, workers share the file. Folders begin with the longest runs and end with the shortest, so
that no worker is left alone at the end; within a folder the order is random.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

FOLDERS = ("torture", "deployment", "journey", "hostile", "property", "contract", "architecture", "unit")
"""The folders of tests, in the order they begin."""
SHARED = ("tests/torture/", "tests/hostile/", "tests/property/")
"""Folders whose files are shared out test by test,"""
WHOLE = ("tests/torture/test_dbdown.py", "tests/property/test_admin_api.py")
"""but for these files, whose tests judge one run."""


class Scheduling(LoadScopeScheduling):
    """Shares out files, or single tests where each is long."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """What goes to one worker together with this test: its file or, where each is a long run, the test alone."""
    file = nodeid.partition("::")[0]
    return nodeid if file.startswith(SHARED) and file not in WHOLE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Parallel runs are scheduled so, whatever `--dist` says."""
    config.option.loadscopereorder = False  # by number of tests, which is not how long they run
    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders in order, and leave the random order within them."""
    places = {folder: place for place, folder in enumerate(FOLDERS)}
    items.sort(key=lambda item: places.get(item.nodeid.split("/")[1], 0))
