"""An engine whose words come from a function of the prompt: everything around it is real."""

import asyncio
from collections.abc import Callable

from docmind.engine.interface import Delta, EngineStatus, EngineUsage
from docmind.errors import PromptTooLong


class PromptedEngine:
    """Implements Engine. `reply(messages, constraint)` gives the text; a list gives one text a call."""

    def __init__(self, reply: Callable | list[str], *, window=8192, delay_s=0.0):
        self.reply, self.window, self.delay_s = reply, window, delay_s
        self.prompts, self.running, self.most_at_once, self.aborted = [], 0, 0, 0

    def start(self): ...

    def wait_ready(self, timeout_s=None): ...

    def close(self): ...

    def status(self):
        return EngineStatus(state="ready", model="prompted", window=self.window, device="cpu")

    def count_tokens(self, messages, tools=()):
        return sum(len(str(m.get("content") or "").split()) + 4 for m in messages)

    async def stream(self, messages, *, tools=(), constraint=None, max_tokens, temperature=0.0, stop=()):
        prompt = self.count_tokens(messages)
        if prompt >= self.window:
            raise PromptTooLong("The prompt does not fit the window.")
        self.prompts.append(messages)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        done = False
        try:
            text = self.reply.pop(0) if isinstance(self.reply, list) else self.reply(messages, constraint)
            words = text.split(" ")
            for i, word in enumerate(words):
                await asyncio.sleep(self.delay_s)
                yield Delta(text=word if i == 0 else f" {word}")
            usage = EngineUsage(prompt, 0, len(words), 0.01, 0.1)
            yield Delta(finish_reason="stop", usage=usage)
            done = True
        finally:
            self.running -= 1
            self.aborted += not done
