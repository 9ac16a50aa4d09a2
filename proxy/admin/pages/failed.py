"""What a person sees of an error: the same words as a program's problem, on a page."""

from __future__ import annotations

import json

from fastapi import Request
from fastapi.responses import Response

from proxy.admin.pages.rendering import page
from proxy.admin.problems import ProblemResponse


def page_of(request: Request, problem: ProblemResponse) -> Response:
    """The problem, drawn."""
    told = json.loads(bytes(problem.body))
    answer = page(request, "failed.html", problem.status_code, title=told["title"], detail=told["detail"])
    if "retry-after" in problem.headers:
        answer.headers["retry-after"] = problem.headers["retry-after"]
    return answer
