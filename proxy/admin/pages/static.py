"""`/static/…`: what pages are drawn with, from this package and nowhere else."""

from __future__ import annotations

from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from proxy.admin.pages.rendering import FOLDER


class Static(StaticFiles):
    """The files, with the headers that keep them what they are."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER / "static")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-cache")]
            await send(message)

        await super().__call__(scope, receive, sent)
