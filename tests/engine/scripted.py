"""An engine that says what a test wants it to say, token by token."""

from docmind.engine.interface import Delta, EngineStatus, EngineUsage


class ScriptedEngine:
    """Implements Engine; remembers its requests and whether a stream was closed early."""

    def __init__(self, *answers, piece=3, finish="stop", tool_calls=()):
        self.answers, self.piece, self.finish, self.calls = list(answers), piece, finish, tool_calls
        self.requests, self.aborted = [], 0

    def start(self): ...

    def wait_ready(self, timeout_s=None): ...

    def close(self): ...

    def status(self):
        return EngineStatus(state="ready", model="scripted", window=4096)

    def count_tokens(self, messages, tools=()):
        return sum(len(m["content"]) for m in messages)

    async def stream(self, messages, **options):
        self.requests.append({"messages": messages, **options})
        answer, done = self.answers.pop(0), False
        try:
            for start in range(0, len(answer), self.piece):
                yield Delta(text=answer[start : start + self.piece])
            usage = EngineUsage(len(messages), 1, len(answer), 0.5, 2.0)
            yield Delta(finish_reason=self.finish, usage=usage, tool_calls=tuple(self.calls))
            done = True
        finally:
            self.aborted += not done
