"""vLLM inside this process: one thread owns the engine, callers on any event loop stream from it.

vLLM's engine core runs in the same process (`VLLM_ENABLE_V1_MULTIPROCESSING=0`). The thread takes
submissions and aborts from a queue, steps the engine while requests run, and sleeps on the queue
while none do.
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
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from docmind.engine.interface import (
    Chances,
    Constraint,
    Delta,
    EngineUsage,
    Message,
    Stage,
    Tool,
)
from docmind.engine.lifecycle import LocalEngine
from docmind.engine.plan.ladder import WorkingSettings, short_message
from docmind.engine.plan.resolve import EnginePlan, plan_for
from docmind.engine.prompts import PromptRenderer
from docmind.engine.release import free_models
from docmind.engine.request import Request, Sampling, VllmOutput
from docmind.engine.warmup import warm_up_rounds
from docmind.errors import EngineError, EngineFailed, EngineNotReady, PromptTooLong
from docmind.lazy_imports import LOCK, import_model_stack
from docmind.logs import calling_on_message
from docmind.models.weights import read_ahead
from docmind.resolution import Resolved

_log = logging.getLogger(__name__)

REPETITION = {"min_pattern_size": 16, "max_pattern_size": 150, "min_count": 3}
"""A text that says the same 16 to 150 tokens three times in a row is ended: a small model that has
begun to repeat itself goes on until the longest answer allowed (8 of 24 turns of the 1.5B in
`docmind bench tokens` did)."""
_ONE_MODEL = threading.Lock()
"""Held from before a model is built until its memory is given back, which empties every vLLM model
of the process."""
STAGES_IN_LOG = {
    "Loading weights took": Stage.COMPILING,
    "Model loading took": Stage.COMPILING,
    "GPU KV cache size": Stage.CAPTURING,
    "CPU KV cache size": Stage.CAPTURING,
}
"""How vLLM's log says what begins next."""
CLOSE_TIMEOUT_S = 60


class VllmEngine(LocalEngine):
    """The in-process engine. Building it is cheap; `start` loads the model in the background."""

    def __init__(
        self, resolved: Resolved, correct_saved: Callable[[WorkingSettings], None] | None = None
    ) -> None:
        """Set up an idle engine; for `correct_saved` see `Ladder`."""
        super().__init__(resolved.settings, resolved.hardware, correct_saved)
        self._catalog = resolved.catalog
        self._default_llm = resolved.default_llm
        self._judge = resolved.judge
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        """What callers want done by the engine's thread."""
        self._requests: dict[str, Request] = {}
        """Those that wait or run."""
        self._request_numbers = itertools.count(1)
        self._renderer: PromptRenderer | None = None
        self._engine: Any = None
        """vLLM's LLMEngine: it is imported when it is loaded."""
        self._has_built = False
        """Whether vLLM has begun to build a model."""
        self._total_prompt_tokens = 0
        self._total_cached_tokens = 0

    # ---- what callers use ----

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Return the prompt's exact length in tokens, under the model's own chat template."""
        return len(self._prompt_ids(messages, tools))

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
        sampling = Sampling(max_tokens=max_tokens, temperature=temperature, stop=tuple(stop))
        request = self._request(messages, tools, sampling, constraint=constraint)
        async with aclosing(self._outputs_of(request, on_end)) as deltas:
            async for delta in deltas:
                yield delta

    async def choose(
        self,
        messages: Sequence[Message],
        choices: Sequence[str],
        *,
        tools: Sequence[Tool] = (),
        on_end: Callable[[EngineUsage], None] | None = None,
    ) -> Chances | None:
        """Return the chances of some letters, see `Engine`."""
        self._require_ready()
        assert self._renderer is not None
        token_ids: list[int] = []
        for choice in choices:
            token_id = self._renderer.token_id(choice)
            if token_id is None:
                return None
            token_ids.append(token_id)
        sampling = Sampling(max_tokens=1, temperature=0.0, choices=tuple(token_ids))
        request = self._request(messages, tools, sampling)
        async with aclosing(self._outputs_of(request, on_end)) as deltas:
            async for _ in deltas:
                pass
        return request.chances

    def _request(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        sampling: Sampling,
        *,
        constraint: Constraint | None = None,
    ) -> Request:
        """Return a request that fits the window."""
        self._require_ready()
        prompt_ids = self._prompt_ids(messages, tools)
        self._check_length(len(prompt_ids), sampling.max_tokens)
        return Request(
            id=f"docmind-{next(self._request_numbers)}",
            prompt_ids=prompt_ids,
            sampling=sampling,
            constraint=constraint,
            loop=asyncio.get_running_loop(),
        )

    async def _outputs_of(
        self, request: Request, on_end: Callable[[EngineUsage], None] | None
    ) -> AsyncGenerator[Delta]:
        """Hand a request to the engine's thread, and yield what comes of it."""
        # The engine may have died or been closed since. Its state changes before `_release` takes
        # the lock and fails all that is in `_requests`: a request is refused here, or failed there,
        # but never left waiting.
        with self._lock:
            self._require_ready()
            self._requests[request.id] = request
        self._commands.put(partial(self._submit, request))
        try:
            while True:
                item = await request.inbox.get()
                if isinstance(item, Exception):
                    raise item
                yield item
                if item.finish_reason is not None:
                    return
        finally:
            # Nobody listens any more; a request that has ended is not aborted again.
            self._commands.put(partial(self._abort, request.id))
            if on_end is not None:
                on_end(request.usage())

    def close(self) -> None:
        """Abort what runs and free the model. Calling it again does nothing."""
        with self._lock:
            self._closing = True
        atexit.unregister(self.close)
        if self._thread is None:
            super().close()
            return
        self._commands.put(_wake_up)
        self._thread.join(timeout=CLOSE_TIMEOUT_S)

    def _check_length(self, prompt_tokens: int, max_tokens: int) -> None:
        """Refuse what vLLM would cut short without a word."""
        window = self._status.window
        if prompt_tokens + max_tokens > window:
            raise PromptTooLong(
                f"The prompt has {prompt_tokens:,} tokens and the answer may take {max_tokens:,}, "
                f"together more than the window of {window:,}. Ask about less at once, start a new "
                "conversation, or raise the window (DOCMIND_ENGINE__MAX_MODEL_LEN)."
            )

    def _prompt_ids(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[int]:
        if self._renderer is None:
            self._require_ready()
            raise EngineNotReady("The model is still loading. Try again in a moment.")
        return self._renderer.token_ids(messages, tools)

    # ---- loading, in the engine's thread ----

    def _load(self) -> None:
        """Fetch the model if need be, read its tokenizer, start vLLM, warm up."""
        plan = self._plan_model()
        # Weights come from the disk while torch and vLLM are imported.
        threading.Thread(
            target=read_ahead, args=(plan.model,), name="read-ahead", daemon=True
        ).start()
        self._enter_stage(Stage.IMPORTING_TORCH)
        import_model_stack()
        self._enter_stage(Stage.READING_TOKENIZER)
        self._renderer = PromptRenderer(plan.model)
        self._update(window=plan.window)
        self._enter_stage(Stage.IMPORTING_VLLM)
        self._import_vllm(plan)
        while not _ONE_MODEL.acquire(timeout=1):
            self._enter_stage(Stage.WAITING)
        self._has_built = True
        self._enter_stage(Stage.LOADING_WEIGHTS)
        self._build_model(plan)
        self._enter_stage(Stage.WARMING_UP)
        self._warm_up(plan)

    def _plan_model(self) -> EnginePlan:
        """Fetch the model and plan how to run it, with the memory that is free now."""
        settings = self._ladder.settings
        name = settings.llm.model or self._default_llm
        self._update(model=name)
        self._enter_stage(Stage.FETCHING)
        self._catalog.pull(name, self._show_fetching)
        self.plan = plan_for(
            settings,
            self._hardware.with_current_memory(),
            self._catalog.path(name),
            overrides=self._ladder.overrides,
        )
        self._update(
            device=self.plan.device,
            quantization=self.plan.quantization,
            notes=(
                *(str(decision) for decision in self.plan.decisions),
                f"judge = {self._judge}",
            ),
            notice=self.plan.notice,
        )
        return self.plan

    def _show_fetching(self, stage: str, done: float, total: float) -> None:
        """Show how far the catalog's `pull` is."""
        progress = f": {stage}"
        if total > 1:
            progress += f" ({done / total:.0%})"
        self._enter_stage(Stage.FETCHING, progress)

    def _import_vllm(self, plan: EnginePlan) -> None:
        """Import vLLM, which reads its environment meanwhile."""
        os.environ.update(plan.env)
        os.environ["VLLM_CONFIGURE_LOGGING"] = "0"
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm|torch")
        with LOCK:
            if not plan.gpu and plan.eager:
                # The one function behind `logprobs` would be compiled at first use: 14 s on two
                # cores, and an engine without a C++ compiler dies of it.
                from vllm.platforms import current_platform

                type(current_platform).simple_compile_backend = "eager"
            import vllm.engine.arg_utils  # noqa: F401
            import vllm.v1.engine.llm_engine  # noqa: F401

    def _build_model(self, plan: EnginePlan) -> None:
        """Load the weights, compile, and allocate the KV cache."""
        import torch
        from vllm.engine.arg_utils import EngineArgs
        from vllm.v1.engine.llm_engine import LLMEngine

        args = EngineArgs(model=plan.model, use_tqdm_on_load=False, **plan.args)
        callbacks = {}
        for beginning, stage in STAGES_IN_LOG.items():
            callbacks[beginning] = partial(self._enter_stage, stage)
        set_num_threads = torch.set_num_threads
        try:
            with calling_on_message(callbacks):
                self._engine = LLMEngine.from_engine_args(args)
        finally:
            # vLLM forbids torch to change thread numbers; the embedding model's threads must be
            # able to.
            torch.set_num_threads = set_num_threads

    def _warm_up(self, plan: EnginePlan) -> None:
        """Run what real use will run, so that no question waits for set-up and compilation."""
        assert self._renderer is not None
        rounds = warm_up_rounds(
            window=plan.window,
            step_tokens=plan.step_tokens,
            sequences=plan.sequences,
            vocabulary=self._renderer.vocabulary,
            temperature=self._settings.llm.temperature,
            gpu=plan.gpu,
        )
        for requests in rounds:
            self._enter_stage(Stage.WARMING_UP)  # ends here if the engine is being closed
            began_at = time.monotonic()
            for request in requests:
                self._add(request)
            while self._engine.has_unfinished_requests():
                self._engine.step()
            lengths = [len(request.prompt_ids) for request in requests]
            seconds = time.monotonic() - began_at
            _log.info("Warm-up with prompts of %s tokens: %.2f s", lengths, seconds)

    # ---- serving, in the engine's thread ----

    def _serve(self) -> None:
        """Step while requests run; sleep on the queue while none do."""
        while not self._closing:
            self._run_commands(wait=not self._engine.has_unfinished_requests())
            if self._engine.has_unfinished_requests():
                self._step()
            elif self._status.running or self._status.waiting:
                self._measure()

    def _step(self) -> None:
        """Compute one step of all running requests, and send their callers what is due."""
        due: list[tuple[Request, Delta | Exception]] = []
        for output in self._engine.step():
            request = self._requests.get(output.request_id)
            if request is None:  # aborted meanwhile
                continue
            item = self._take(request, output)
            if item is not None:
                due.append((request, item))
        self._measure()  # before the callers get theirs, so that what they see then is true
        for request, item in due:
            request.send(item)

    def _take(self, request: Request, output: VllmOutput) -> Delta | Exception | None:
        """Give a request its output; forget the request if that was the last one."""
        item = request.take(output)
        if output.finished:
            del self._requests[request.id]
            self._total_prompt_tokens += len(request.prompt_ids)
            self._total_cached_tokens += output.num_cached_tokens or 0
        return item

    def _run_commands(self, *, wait: bool) -> None:
        """Run all commands that are there.

        Args:
            wait: for the first one, if there is none.
        """
        try:
            command = self._commands.get(wait)
            while True:
                command()
                command = self._commands.get_nowait()
        except queue.Empty:
            return

    def _submit(self, request: Request) -> None:
        if request.id not in self._requests:
            return  # the engine died and failed it before it got here
        try:
            self._add(request)
        except Exception as exc:  # noqa: BLE001  vLLM checks parameters and grammars here
            # This request fails, the engine lives.
            del self._requests[request.id]
            request.send(EngineError(f"The engine refused the request: {short_message(exc)}"))

    def _add(self, request: Request) -> None:
        """Hand a request to vLLM."""
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt
        from vllm.sampling_params import (
            RepetitionDetectionParams,
            RequestOutputKind,
            StructuredOutputsParams,
        )

        grammar = None
        if request.constraint is not None:
            grammar = StructuredOutputsParams(**{request.constraint.kind: request.constraint.value})
        params = SamplingParams(
            max_tokens=request.sampling.max_tokens,
            temperature=request.sampling.temperature,
            stop=list(request.sampling.stop),
            ignore_eos=request.sampling.ignore_eos,
            output_kind=RequestOutputKind.DELTA,
            structured_outputs=grammar,
            # With `logprobs_mode` of the plan: the chances of these tokens among each other.
            allowed_token_ids=list(request.sampling.choices) or None,
            logprobs=len(request.sampling.choices) or None,
            repetition_detection=RepetitionDetectionParams(**REPETITION),
        )
        prompt = TokensPrompt(prompt_token_ids=request.prompt_ids)
        self._engine.add_request(request.id, prompt, params)

    def _abort(self, request_id: str) -> None:
        """End a request, unless it has ended."""
        if self._requests.pop(request_id, None) is not None:
            self._engine.abort_request([request_id])

    def _measure(self) -> None:
        """Refresh the numbers of `status()`."""
        scheduler = self._engine.engine_core.engine_core.scheduler
        running, waiting = scheduler.get_request_counts()
        prefix_hit_rate = None
        if self._total_prompt_tokens:
            prefix_hit_rate = round(self._total_cached_tokens / self._total_prompt_tokens, 4)
        self._update(
            running=running,
            waiting=waiting,
            kv_cache_usage=round(scheduler.kv_cache_manager.usage, 4),
            prefix_hit_rate=prefix_hit_rate,
        )

    def _release(self, lost: EngineFailed) -> None:
        """Fail what still runs or waits with `lost`, and give the model's memory back."""
        with self._lock:
            requests = list(self._requests.values())
            self._requests.clear()
        for request in requests:
            request.send(lost)
        if self._engine is not None:
            try:
                self._engine.engine_core.shutdown()
            except Exception:  # noqa: BLE001  its memory is taken from it all the same
                _log.warning("The engine did not shut down cleanly", exc_info=True)
            self._engine = None
        if not self._has_built:
            return
        try:
            free_models()  # also what a half-built engine left behind
        except Exception:  # noqa: BLE001  the next model may still fit
            _log.warning("The model's memory was not given back", exc_info=True)
        finally:
            self._has_built = False
            _ONE_MODEL.release()


def _wake_up() -> None:
    """Do nothing: a command that ends the thread's sleep."""
