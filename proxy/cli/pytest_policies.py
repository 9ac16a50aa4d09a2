"""Lets pytest collect tests of policies: `pytest -p proxy.cli.pytest_policies policies/`, each case an item of its own.

Loaded by pytest alone, which is no dependency of this package.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from proxy.core.errors import TosProxyError

if TYPE_CHECKING:
    from proxy.policy.suite import Means, Suite

_ENDINGS = ("_test.yaml", "_test.yml")
_GROUND = pytest.StashKey[Any]()


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Take files of tests."""
    return PolicyTestFile.from_parent(parent, path=file_path) if file_path.name.endswith(_ENDINGS) else None


class PolicyTestFile(pytest.File):
    """A file of cases."""

    def collect(self) -> Iterator[pytest.Item]:
        """Its cases. Raises: CollectError with every problem of the file and of the rules that it is about."""
        from proxy.app.drafts import drafts, ground

        try:
            if _GROUND not in self.session.stash:
                self.session.stash[_GROUND] = ground()
            found = drafts([self.path], 0, self.session.stash[_GROUND])
        except TosProxyError as error:
            raise self.CollectError(str(error)) from None
        if wrong := [*found.problems, *found.lost]:
            raise self.CollectError("\n".join(map(str, wrong)))
        for suite in found.suites:
            for case in suite.test.cases:
                alone = replace(suite, test=replace(suite.test, cases=(case,)))
                yield PolicyCase.from_parent(self, name=case.name, suite=alone, means=found.means)


class PolicyCaseError(AssertionError):
    """A case that came out otherwise; says where it stands and what differs."""


class PolicyCase(pytest.Item):
    """One case."""

    def __init__(self, *, suite: Suite, means: Means, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._suite = suite
        self._means = means

    def runtest(self) -> None:
        """Decide it. Raises: PolicyCaseError."""
        from proxy.policy.suite import run

        for result in run(self._suite, self._means):
            if result.failures:
                raise PolicyCaseError("\n".join(f"{result.case.place}: {failure}" for failure in result.failures))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The differences alone, without a traceback through this file."""
        if isinstance(excinfo.value, PolicyCaseError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands; lines are counted from 0."""
        line = self._suite.test.cases[0].place.split(":")[-2]
        return self.path, int(line) - 1, self.name
