"""Searches in the documents' languages: a question in another one is translated for them.

The default embedding model knows English only, and words differ anyhow: a German question finds
nothing in an English contract. Where the search by its own words finds little of what is asked, the
model translates it, and both searches count.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.constants import TAG_NOSTREAM

from docmind.agents.run_ids import agent_of
from docmind.agents.state import TurnContext
from docmind.passages import Passage
from docmind.retrieval.language import LANGUAGE_NAMES, question_language
from docmind.verification.support import words_with_place
from docmind.verification.words import content_words

RULE = "You translate what a user looks for in documents. Write the translation alone."
REQUEST = "Translate into {language}, keep names and numbers:\n{query}"
MOST_LANGUAGES = 2
"""Languages into which one question is translated, those of most documents first."""
COVERED = 0.75
"""Fraction of a question's words from which one passage speaks of it well enough."""
TRANSLATION_TOKENS = 96
"""Longest translation."""


class Translator:
    """Translates what is searched for."""

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model.with_config(tags=[TAG_NOSTREAM])

    async def translations(
        self, query: str, languages: Iterable[str], *, run_id: str, context: TurnContext
    ) -> list[str]:
        """Return a query in other languages, and report each.

        Args:
            query: in the user's language.
            languages: of the documents, as ISO 639-1 has them; each as often as it occurs.
            run_id: in whose name it is translated.
            context: the turn.
        """
        own = question_language(query)
        counts = Counter(language for language in languages if language in LANGUAGE_NAMES)
        wanted: list[str] = []
        for language, _ in counts.most_common():
            if own and language != own:
                wanted.append(language)
        translated: list[str] = []
        for language in wanted[:MOST_LANGUAGES]:
            began = time.perf_counter()
            request = REQUEST.format(language=LANGUAGE_NAMES[language], query=query)
            reply = await self._model.ainvoke(
                [SystemMessage(RULE), HumanMessage(request)],
                max_tokens=TRANSLATION_TOKENS,
                stop=["\n"],
                silent=True,
            )
            text = str(reply.content).strip().strip('"')
            context.events.agent_step(
                agent=agent_of(run_id),
                run_id=run_id,
                tool="translate",
                arguments={"language": LANGUAGE_NAMES[language]},
                result=text,
                began=began,
            )
            if text:
                translated.append(text)
        return translated


def is_covered(query: str, passages: Sequence[Passage]) -> bool:
    """Return whether one of the passages has most of a query's words."""
    asked = content_words(query)
    for passage in passages:
        if len(asked & words_with_place(passage)) >= COVERED * len(asked):
            return True
    return False
