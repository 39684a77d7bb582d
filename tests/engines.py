"""An engine whose words come from a function of the prompt: everything around it is real."""

import asyncio
from collections.abc import Callable

from docmind.engine.interface import Delta, EngineStatus, EngineUsage
from docmind.errors import PromptTooLong


class PromptedEngine:
    """Implements Engine. `reply(messages, constraint)` gives the text; a list gives a text a call.

    `constraint` is None for free text, also where a grammar only watches over tool calls in it.
    `chances(messages, choices)` gives those of letters; without it there are none.
    """

    def __init__(
        self,
        reply: Callable | list[str],
        *,
        window=8192,
        delay_s=0.0,
        finish="stop",
        tool_calls=(),
        chances=lambda messages, choices: None,
    ):
        self.chances, self.judged = chances, []
        self.reply, self.window, self.delay_s, self.finish, self.tool_calls = (
            reply,
            window,
            delay_s,
            finish,
            tool_calls,
        )
        self.now = EngineStatus("ready", "prompted", window, device="cpu", load_s=1.0)
        self.prompts, self.requests, self.counted, self.running, self.most_at_once, self.aborted = (
            [],
            [],
            [],
            0,
            0,
            0,
        )

    def start(self): ...

    def wait_ready(self, timeout_s=None): ...

    def close(self): ...

    def status(self):
        return self.now

    def count_tokens(self, messages, tools=()):
        return sum(len(str(m.get("content") or "").split()) + 4 for m in messages)

    async def stream(self, messages, *, constraint=None, max_tokens, on_end=None, **options):
        self.requests.append({"constraint": constraint, "max_tokens": max_tokens, **options})
        if constraint and constraint.kind == "structural_tag":
            constraint = None
        prompt = self.count_tokens(messages)
        if prompt + max_tokens > self.window:
            raise PromptTooLong("The prompt does not fit the window.")
        self.prompts.append(messages)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        done, written = False, 0
        try:
            text = (
                self.reply.pop(0)
                if isinstance(self.reply, list)
                else self.reply(messages, constraint)
            )
            for i, word in enumerate(text.split(" ")[:max_tokens]):
                await asyncio.sleep(self.delay_s)
                written += 1
                yield Delta(text=word if i == 0 else f" {word}")
            reason = "length" if len(text.split(" ")) > max_tokens else self.finish
            usage = EngineUsage(prompt, 0, written, 0.01, 0.1)
            yield Delta(finish_reason=reason, usage=usage, tool_calls=tuple(self.tool_calls))
            done = True
        finally:
            self.running -= 1
            self.aborted += not done
            self.counted.append(EngineUsage(prompt, 0, written, 0.01, 0.1))
            if on_end:
                on_end(self.counted[-1])

    async def choose(self, messages, choices, *, tools=(), on_end=None):
        self.judged.append((messages, list(tools)))
        await asyncio.sleep(self.delay_s)
        if on_end:
            on_end(EngineUsage(self.count_tokens(messages), 0, 1, 0.01, 0.0))
        return self.chances(messages, choices)


def asks_for_plan(constraint):
    """Whether a constraint is the supervisor's, which asks for a plan."""
    if constraint is None or constraint.kind != "json":
        return False
    return any("count" in option.get("properties", {}) for option in _options(constraint))


def most_tasks(constraint):
    """How many tasks a plan may have."""
    listed = _options(constraint)[-1]
    return listed["properties"]["questions"]["maxItems"]


def _options(constraint):
    """The schemas of which a plan or a call follows one."""
    return constraint.value.get("anyOf", [constraint.value])
