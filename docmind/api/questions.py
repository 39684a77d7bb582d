"""Questions over the API: a turn's events, a line of JSON each."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body
from fastapi.responses import StreamingResponse

from docmind.agents.mentions import read_mentions
from docmind.api.following import follow
from docmind.api.scope import named_scope
from docmind.errors import DocMindError
from docmind.events import to_dict

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.turns import Turn

LINES = "application/x-ndjson"


def make_routes(app: App) -> APIRouter:
    """Return the routes under `/api/questions`."""
    routes = APIRouter(prefix="/api")

    @routes.post("/questions")
    def ask(
        question: Annotated[str, Body()],
        conversation: Annotated[str, Body()] = "",
        collections: Annotated[list[str] | None, Body()] = None,
    ) -> StreamingResponse:
        """Ask in a conversation, in a new one if none is named, and stream the turn's events."""
        if conversation and app.conversations.get(conversation) is None:
            raise DocMindError(f"There is no conversation {conversation}.")
        mentions = read_mentions(question, app.documents.documents(), app.collections.all())
        scope = mentions.scope.with_more(named_scope(app, collections=collections or ()))
        app.engine.start()
        with app.conversations.existing_or_new(conversation) as asked_in:
            if scope:
                app.conversations.search_in(asked_in, scope)
            turn = app.chat.ask(mentions.question, asked_in)
        return StreamingResponse(_lines(turn), media_type=LINES)

    return routes


async def _lines(turn: Turn) -> AsyncIterator[str]:
    async for event in follow(turn):
        yield json.dumps(to_dict(event), ensure_ascii=False) + "\n"
