"""vLLM inside this process: one thread owns the engine, callers on any event loop stream from it.

vLLM's engine core runs in the same process (`VLLM_ENABLE_V1_MULTIPROCESSING=0`). The thread takes submissions and
aborts from a queue, steps the engine while requests run, and sleeps on the queue while none do.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import logging
import os
import queue
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

from docmind.engine.interface import Constraint, Delta, EngineUsage, Message, Tool
from docmind.engine.lifecycle import LadderEngine
from docmind.engine.logs import on_message
from docmind.engine.plan.ladder import brief
from docmind.engine.plan.resolve import EnginePlan, plan_for
from docmind.engine.prompts import PromptRenderer
from docmind.engine.release import free_models
from docmind.engine.request import Request
from docmind.engine.warmup import rounds
from docmind.errors import EngineError, EngineFailed, EngineNotReady, PromptTooLong
from docmind.hardware import detect
from docmind.lazy_imports import LOCK, import_model_stack
from docmind.models.catalog import Catalog, default_llm
from docmind.models.weights import read_ahead
from docmind.settings import Settings

_log = logging.getLogger(__name__)

LOOP = {"min_pattern_size": 16, "max_pattern_size": 150, "min_count": 3}
"""A text that says the same 16 to 150 tokens three times in a row is ended: a small model that has begun to repeat
itself goes on until the longest answer allowed (8 of 24 turns of the 1.5B in `docmind bench tokens` did)."""
_ONE_MODEL = threading.Lock()
"""Held from before a model is built until its memory is given back: that empties every vLLM model of the process."""
STAGES = {
    "Loading weights took": "compiling and profiling",
    "Model loading took": "compiling and profiling",
    "GPU KV cache size": "kernels and graphs",
    "CPU KV cache size": "kernels and graphs",
}
"""How vLLM's log says what begins next."""


class VllmEngine(LadderEngine):
    """The in-process engine. Building it is cheap; `start` loads the model in the background."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        super().__init__(settings)
        self._catalog = catalog
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._requests: dict[str, Request] = {}
        self._numbers = itertools.count(1)
        self._renderer: PromptRenderer | None = None
        self._engine: Any = None
        self._built = False
        """Whether vLLM has begun to build a model."""
        self._prompt_tokens = self._cached_tokens = 0

    # ---- what callers use ----

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Return the exact prompt length in tokens of these messages under the model's chat template."""
        return len(self._ids(messages, tools))

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        constraint: Constraint | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        on_end: Callable[[EngineUsage], None] | None = None,
    ) -> AsyncIterator[Delta]:
        """Generate, see `Engine`. The window is checked before submission."""
        self._check()
        ids = self._ids(messages, tools)
        window = self._status.window
        if len(ids) + max_tokens > window:
            raise PromptTooLong(
                f"The prompt has {len(ids):,} tokens and the answer may take {max_tokens:,}, together more than the "
                f"window of {window:,}. Ask about less at once, start a new conversation, or raise the window "
                "(DOCMIND_ENGINE__MAX_MODEL_LEN)."
            )
        params = {"max_tokens": max_tokens, "temperature": temperature, "stop": list(stop)}
        request = Request(
            f"docmind-{next(self._numbers)}", ids, params, constraint, asyncio.get_running_loop()
        )
        with self._lock:  # who is in `_requests` is answered: `_release` takes the lock after the state has changed
            self._check()
            self._requests[request.id] = request
        self._commands.put(lambda: self._submit(request))
        try:
            while True:
                item = await request.inbox.get()
                if isinstance(item, Exception):
                    raise item
                yield item
                if item.finish_reason is not None:
                    return
        finally:
            self._commands.put(lambda: self._abort(request.id))
            if on_end:
                on_end(request.usage())

    def close(self) -> None:
        """Abort what runs and free the model. Calling it again does nothing."""
        with self._lock:
            self._closing = True
        atexit.unregister(self.close)
        if self._thread is None:
            super().close()
            return
        self._commands.put(lambda: None)  # wakes the thread
        self._thread.join(timeout=60)

    # ---- the engine thread ----

    def _load(self) -> None:
        """Fetch the model if need be, read its tokenizer, start vLLM, warm up."""
        settings = self._ladder.settings
        name = settings.llm.model or default_llm(detect())
        self._update(model=name)
        self._stage("fetching the model")
        self._catalog.pull(name, self._report)
        plan = self.plan = plan_for(settings, self._catalog, self._ladder.lowered)
        threading.Thread(
            target=read_ahead, args=(plan.model,), name="read-ahead", daemon=True
        ).start()
        device = next(d.used for d in plan.decisions if d.setting == "device")
        self._update(notes=tuple(map(str, plan.decisions)), device=device, notice=plan.notice)
        self._stage("importing torch")
        import_model_stack()
        self._stage("reading the tokenizer")
        self._renderer = PromptRenderer(plan.model)
        self._update(window=plan.window)

        self._stage("importing vLLM")
        os.environ.update({"VLLM_CONFIGURE_LOGGING": "0", **plan.env})
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm|torch")
        with LOCK:
            import torch
            from vllm.engine.arg_utils import EngineArgs
            from vllm.v1.engine.llm_engine import LLMEngine

        while not _ONE_MODEL.acquire(timeout=1):
            self._stage("waiting until the former model is closed")
        self._built = True
        self._stage("weights")
        args = EngineArgs(model=plan.model, use_tqdm_on_load=False, **plan.args)
        set_num_threads = torch.set_num_threads
        try:
            with on_message(
                {begins: partial(self._stage, stage) for begins, stage in STAGES.items()}
            ):
                self._engine = LLMEngine.from_engine_args(args)
        finally:
            # vLLM forbids torch to change thread numbers; the embedding model's threads must be able to.
            torch.set_num_threads = set_num_threads

        self._stage("warming up")
        self._warm_up(plan)

    def _warm_up(self, plan: EnginePlan) -> None:
        """Run what real use will run, so that the first question does not pay for set-up and compilation."""
        for requests in rounds(
            window=plan.window,
            step_tokens=plan.args["max_num_batched_tokens"],
            sequences=plan.args["max_num_seqs"],
            vocabulary=self._renderer.vocabulary if self._renderer else 1_000,
            temperature=self._settings.llm.temperature,
            gpu="attention_backend" in plan.args,
        ):
            self._stage("warming up")
            begin = time.monotonic()
            for request in requests:
                self._add(request)
            while self._engine.has_unfinished_requests():
                self._engine.step()
            lengths = [len(r.prompt_ids) for r in requests]
            _log.info(
                "Warm-up with prompts of %s tokens: %.2f s", lengths, time.monotonic() - begin
            )

    def _serve(self) -> None:
        """Step while requests run; sleep on the queue while none do."""
        while not self._closing:
            self._take_commands(block=not self._engine.has_unfinished_requests())
            if self._engine.has_unfinished_requests():
                news = [pair for output in self._engine.step() if (pair := self._deliver(output))]
                self._measure()  # before the callers are told, so that what they see then is true
                for request, item in news:
                    request.send(item)
            elif self._status.running or self._status.waiting:
                self._measure()

    def _take_commands(self, block: bool) -> None:
        """Run all commands that wait; with `block`, wait for one first."""
        try:
            self._commands.get(block)()
            while True:
                self._commands.get_nowait()()
        except queue.Empty:
            return

    def _submit(self, request: Request) -> None:
        if (
            request.id not in self._requests
        ):  # it was failed when the engine died, before it got here
            return
        try:
            self._add(request)
        except Exception as exc:  # noqa: BLE001  vLLM checks parameters and grammars here: this request fails, the engine lives
            del self._requests[request.id]
            request.send(EngineError(f"The engine refused the request: {brief(exc)}"))

    def _add(self, request: Request) -> None:
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt
        from vllm.sampling_params import (
            RepetitionDetectionParams,
            RequestOutputKind,
            StructuredOutputsParams,
        )

        grammar = None
        if request.constraint:
            grammar = StructuredOutputsParams(**{request.constraint.kind: request.constraint.value})
        params = SamplingParams(
            **request.params,
            output_kind=RequestOutputKind.DELTA,
            structured_outputs=grammar,
            repetition_detection=RepetitionDetectionParams(**LOOP),
        )
        self._engine.add_request(
            request.id, TokensPrompt(prompt_token_ids=request.prompt_ids), params
        )

    def _abort(self, request_id: str) -> None:
        """End a request, unless it has ended."""
        if self._requests.pop(request_id, None):
            self._engine.abort_request([request_id])

    def _deliver(self, output: Any) -> tuple[Request, Delta | Exception] | None:
        """Return vLLM's output as a request and what to send to its caller."""
        request = self._requests.get(output.request_id)
        if request is None:
            return None
        item = request.deliver(output)
        if output.finished:
            del self._requests[request.id]
            self._prompt_tokens += len(request.prompt_ids)
            self._cached_tokens += output.num_cached_tokens or 0
        return (request, item) if item else None

    def _measure(self) -> None:
        """Refresh the numbers of `status()`."""
        scheduler = self._engine.engine_core.engine_core.scheduler
        running, waiting = scheduler.get_request_counts()
        self._update(
            running=running,
            waiting=waiting,
            kv_cache_usage=round(scheduler.kv_cache_manager.usage, 4),
            prefix_hit_rate=round(self._cached_tokens / self._prompt_tokens, 4)
            if self._prompt_tokens
            else None,
        )

    def _release(self, lost: EngineFailed) -> None:
        """Fail what still runs or waits with `lost`, and give the model's memory back."""
        with self._lock:
            requests = list(self._requests.values())
            self._requests.clear()
        for request in requests:
            request.send(lost)
        engine, self._engine = self._engine, None
        built, self._built = self._built, False
        try:
            if engine is not None:
                engine.engine_core.shutdown()
        except Exception:  # noqa: BLE001
            _log.warning("The engine did not shut down cleanly", exc_info=True)
        del engine
        try:
            if built:  # also what a half-built engine left behind
                free_models()
        except Exception:  # noqa: BLE001
            _log.warning("The model's memory was not given back", exc_info=True)
        finally:
            if built:
                _ONE_MODEL.release()

    # ---- small things ----

    def _ids(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[int]:
        if self._renderer is None:
            self._check()
            raise EngineNotReady("The model is still loading. Try again in a moment.")
        return self._renderer.ids(messages, tools)

    def _report(self, stage: str, done: float, total: float) -> None:
        """Show a pull's progress."""
        self._stage(
            "fetching the model", f": {stage}" + (f" ({done / total:.0%})" if total > 1 else "")
        )
