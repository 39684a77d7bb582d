"""Tunes the model on a GPU: statements, relevance, plans, and staying as it is elsewhere.

    python -m training.tune --weights FOLDER --data FOLDER --out FOLDER --seconds 440
    python -m training.tune … --mix plans --from ADAPTER --rate 2e-4 --seconds 300

FOLDER of the weights: as `training.base_model` writes it, beside tokenizer.json and config.json.
The schedule is by time: the rate falls to nothing when the seconds are over. A checkpoint is
written every two minutes; `--resume` goes on from it. Afterwards the adapter is packed into 8 bits,
merged into the bfloat16 weights as a user's conversion does, and measured so.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import Qwen2Config, Qwen2ForCausalLM

from training.lora import LoraLinear, Switch, add_adapters, merge, packed, unpack
from training.measure import MOST_NEW, measure
from training.sources import read

LONGEST = 1100
"""Tokens of an example; longer ones are left out."""
LONGEST_PLAN = 1900
"""The same of a plan, whose prompt has many examples."""
MIXES = {
    "judging": {"judge": 116, "relevance": 40, "answer": 18, "plan": 0, "anchor": 18},
    "plans": {"judge": 44, "relevance": 12, "answer": 0, "plan": 64, "anchor": 12},
}
"""Examples of each task in a step, by what is mainly taught."""
TOKENS = 12_000
"""Tokens computed at once, padding included."""
LOSS = {"judge": 1.0, "relevance": 0.7, "answer": 0.5, "plan": 2.0, "anchor": 1.0}
KEPT_PROMPT = 48
"""Of an anchor's prompt, its last tokens are held to the untuned model too."""
CHECKPOINT_S = 120
WARM_UP = 20
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@dataclass
class Sample:
    """An example as tokens."""

    task: str
    ids: list[int]
    prompt: int
    """How many of them are the prompt."""
    label: int = -1
    """The token to come, of a letter."""


class Prompts:
    """Chat prompts as tokens."""

    def __init__(self, tokenizer: Tokenizer, systems: dict[str, str]) -> None:
        self._tokenizer = tokenizer
        self._systems = systems
        self.letters = [tokenizer.encode(letter).ids[0] for letter in "ABC"]
        self.end = tokenizer.token_to_id("<|im_end|>")
        self.pad = tokenizer.token_to_id("<|endoftext|>")
        self.longest = LONGEST
        self.most_new = MOST_NEW

    def text(self, row: dict[str, Any]) -> str:
        """Return an example's prompt as the chat template has it."""
        system = row.get("system") or self._systems["plain"]
        if row.get("tools"):
            system = self._systems["tools"]
        return (
            f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{row['user']}<|im_end|>\n"
            "<|im_start|>assistant\n"
        )

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return texts as tokens."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]

    def decode(self, ids: list[int]) -> str:
        """Return tokens as text."""
        return self._tokenizer.decode(ids)

    def samples(self, rows: list[dict[str, Any]]) -> list[Sample]:
        """Return examples as tokens, those that are not too long."""
        prompts = self.encode([self.text(row) for row in rows])
        targets = self.encode([row.get("target", "") for row in rows])
        samples = []
        for row, prompt, target in zip(rows, prompts, targets, strict=True):
            label = row.get("label", -1)
            if label >= 0:
                sample = Sample(row["task"], prompt, len(prompt), self.letters[label])
            else:
                sample = Sample(row["task"], [*prompt, *target, self.end], len(prompt))
            longest = self.longest
            if sample.task == "plan":
                longest = LONGEST_PLAN
            if len(sample.ids) <= longest:
                samples.append(sample)
        return samples


def load_model(weights: Path, *, tiny: bool) -> Qwen2ForCausalLM:
    """Return the untuned model in bfloat16; with `tiny` a random one of two layers."""
    config = Qwen2Config.from_pretrained(weights)
    if tiny:
        config = Qwen2Config(
            vocab_size=config.vocab_size, hidden_size=64, intermediate_size=128,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        )  # fmt: skip
        return Qwen2ForCausalLM(config).to(DEVICE, torch.bfloat16)
    tensors: dict[str, torch.Tensor] = {}
    for file in sorted(weights.glob("*.safetensors")):
        tensors |= load_file(file, device=DEVICE)
    with torch.device("meta"):
        model = Qwen2ForCausalLM(config)
    missing = model.load_state_dict(tensors, strict=False, assign=True)
    if missing.unexpected_keys or set(missing.missing_keys) - {"lm_head.weight"}:
        raise SystemExit(f"the weights do not fit the model: {missing}")
    # What is computed at the start was lost on the meta device.
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config).to(DEVICE)
    if "lm_head.weight" in missing.missing_keys:
        model.tie_weights()
    return model.to(DEVICE)


def batches(samples: list[Sample]) -> Iterator[list[Sample]]:
    """Yield samples of like length together, TOKENS at most at once."""
    batch: list[Sample] = []
    for sample in sorted(samples, key=lambda sample: len(sample.ids)):
        if batch and len(sample.ids) * (len(batch) + 1) > TOKENS:
            yield batch
            batch = []
        batch.append(sample)
    if batch:
        yield batch


class Deck:
    """The samples of each task, each once before any comes again."""

    def __init__(self, samples: list[Sample], seed: int) -> None:
        self._pick = random.Random(seed)
        self._samples: dict[str, list[Sample]] = {}
        self._left: dict[str, list[Sample]] = {}
        for sample in samples:
            self._samples.setdefault(sample.task, []).append(sample)

    def draw(self, counts: dict[str, int]) -> list[Sample]:
        """Return the samples of one step."""
        drawn = []
        for task, count in counts.items():
            for _ in range(count if task in self._samples else 0):
                if not self._left.get(task):
                    self._left[task] = self._pick.sample(
                        self._samples[task], len(self._samples[task])
                    )
                drawn.append(self._left[task].pop())
        return drawn


def hidden(model: Qwen2ForCausalLM, batch: list[Sample], pad: int) -> torch.Tensor:
    """Return the last layer's output [batch, tokens, width]. Padding is on the right: unseen."""
    longest = max(len(sample.ids) for sample in batch)
    ids = torch.full((len(batch), longest), pad)
    for row, sample in enumerate(batch):
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
    return model.model(input_ids=ids.to(DEVICE), use_cache=False).last_hidden_state


def letter_loss(model: Qwen2ForCausalLM, batch: list[Sample], pad: int) -> torch.Tensor:
    """Return the sum of the cross entropies of the letters, over the whole vocabulary."""
    last = torch.tensor([len(sample.ids) - 1 for sample in batch], device=DEVICE)
    states = hidden(model, batch, pad)[torch.arange(len(batch), device=DEVICE), last]
    labels = torch.tensor([sample.label for sample in batch], device=DEVICE)
    return functional.cross_entropy(model.lm_head(states).float(), labels, reduction="sum")


def _target_places(batch: list[Sample], before: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows = []
    places = []
    for row, sample in enumerate(batch):
        for place in range(max(0, sample.prompt - 1 - before), len(sample.ids) - 1):
            rows.append(row)
            places.append(place)
    return torch.tensor(rows, device=DEVICE), torch.tensor(places, device=DEVICE)


def text_loss(model: Qwen2ForCausalLM, batch: list[Sample], pad: int) -> torch.Tensor:
    """Return the sum over the samples of the mean cross entropy of the text to write."""
    rows, places = _target_places(batch, 0)
    logits = model.lm_head(hidden(model, batch, pad)[rows, places]).float()
    following = [sample.ids[sample.prompt :] for sample in batch]
    labels = torch.tensor([token for ids in following for token in ids], device=DEVICE)
    losses = functional.cross_entropy(logits, labels, reduction="none")
    weights = torch.tensor([1 / len(ids) for ids in following for _ in ids], device=DEVICE)
    return (losses * weights).sum()


def anchor_loss(
    model: Qwen2ForCausalLM, batch: list[Sample], pad: int, switch: Switch
) -> torch.Tensor:
    """Return how far the tuned model is from the untuned one, times the number of samples."""
    rows, places = _target_places(batch, KEPT_PROMPT)
    switch.on = False
    with torch.no_grad():
        untuned = model.lm_head(hidden(model, batch, pad)[rows, places]).float().log_softmax(-1)
    switch.on = True
    tuned = model.lm_head(hidden(model, batch, pad)[rows, places]).float().log_softmax(-1)
    divergence = functional.kl_div(tuned, untuned, log_target=True, reduction="batchmean")
    return divergence * len(batch)


class Training:
    """The adapters while they are trained, and how far that is."""

    def __init__(
        self,
        model: Qwen2ForCausalLM,
        adapters: dict[str, LoraLinear],
        *,
        arguments: argparse.Namespace,
        switch: Switch,
        pad: int,
    ) -> None:
        self._model = model
        self._adapters = adapters
        self._arguments = arguments
        self._mix: dict[str, int] = MIXES[arguments.mix]
        self._switch = switch
        self._pad = pad
        self._parameters = [p for adapter in adapters.values() for p in (adapter.a, adapter.b)]
        self._optimizer = torch.optim.AdamW(self._parameters, lr=arguments.rate, weight_decay=0.0)
        self._checkpoint = arguments.out / "checkpoint.pt"
        self.step = 0
        self.spent = 0.0
        """Seconds, also of runs before this one."""
        self.tokens = 0
        self.losses: dict[str, float] = {}
        """By task, a running mean."""

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint, weights_only=False)
        for adapter, (a, b) in zip(self._adapters.values(), state["adapters"], strict=True):
            adapter.a.data.copy_(a)
            adapter.b.data.copy_(b)
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.spent = state["spent"]

    def save(self) -> None:
        """Write the checkpoint."""
        state = {
            "adapters": [(adapter.a.data, adapter.b.data) for adapter in self._adapters.values()],
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "spent": self.spent,
        }
        torch.save(state, self._checkpoint)

    def run(self, samples: list[Sample]) -> None:
        """Train for the seconds asked for."""
        seconds = self._arguments.seconds
        deck = Deck(samples, self._arguments.seed)
        for _ in range(self.step):
            deck.draw(self._mix)
        begin = time.time() - self.spent
        saved = time.time()
        while self.spent < seconds and self.step < self._arguments.most_steps:
            self._take_step(deck.draw(self._mix), fraction=self.spent / seconds)
            self.spent = time.time() - begin
            if self.step % 10 == 0 or self._arguments.tiny:
                shown = " ".join(f"{task} {loss:.3f}" for task, loss in self.losses.items())
                print(
                    f"step {self.step} {self.spent:.0f} s {self.tokens} tokens {shown}", flush=True
                )
            if time.time() - saved > CHECKPOINT_S:
                saved = time.time()
                self.save()
        examples = sum(self._mix.values()) * self.step
        print(f"{self.step} steps, {examples} examples, {self.tokens} tokens", flush=True)

    def _take_step(self, drawn: list[Sample], *, fraction: float) -> None:
        rate = self._arguments.rate * min(1.0, (self.step + 1) / WARM_UP) * (1 - fraction)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        for task in self._mix:
            for batch in batches([sample for sample in drawn if sample.task == task]):
                loss = self._loss(task, batch)
                (loss * LOSS[task] / len(drawn)).backward()
                mean = float(loss.detach()) / len(batch)
                self.losses[task] = 0.97 * self.losses.get(task, mean) + 0.03 * mean
                self.tokens += len(batch) * len(batch[-1].ids)
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        if torch.isfinite(norm):
            self._optimizer.step()
        else:
            print(f"step {self.step}: left out, its gradient is no number", flush=True)
        self.step += 1

    def _loss(self, task: str, batch: list[Sample]) -> torch.Tensor:
        """Return the loss of a batch, summed over its samples."""
        if task in {"judge", "relevance"}:
            return letter_loss(self._model, batch, self._pad)
        if task == "plan" or (task == "answer" and self._arguments.answers):
            return text_loss(self._model, batch, self._pad)
        return anchor_loss(self._model, batch, self._pad, self._switch)


def parsed_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=440)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-steps", type=int, default=100_000)
    parser.add_argument("--mix", choices=MIXES, default="judging", help="what is mainly taught")
    parser.add_argument("--answers", action="store_true", help="teach answering too")
    parser.add_argument("--before", action="store_true", help="measure the untuned model first")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--from", type=Path, dest="begin", help="an adapter to go on from")
    parser.add_argument("--tiny", action="store_true", help="a random model: does it run?")
    return parser.parse_args()


def main() -> None:
    """Load, train, pack, merge, measure."""
    arguments = parsed_arguments()
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)

    begin = time.time()
    systems = json.loads((arguments.data / "systems.json").read_text("utf-8"))
    prompts = Prompts(Tokenizer.from_file(str(arguments.weights / "tokenizer.json")), systems)
    model = load_model(arguments.weights, tiny=arguments.tiny).eval()
    print(f"model loaded after {time.time() - begin:.0f} s", flush=True)
    few = None
    if arguments.tiny:
        few = 4
        prompts.most_new = 3
        MIXES[arguments.mix] = dict.fromkeys(MIXES[arguments.mix], 2)
    if arguments.before:
        measure(model, prompts, arguments.data, out=arguments.out, name="before", few=few)
    rows = read(arguments.data / "train.jsonl.xz")
    if few:
        rows = rows[: 40 * few]
    samples = prompts.samples(rows)
    print(f"{len(samples)} examples after {time.time() - begin:.0f} s", flush=True)

    switch = Switch()
    adapters = add_adapters(model, arguments.rank, switch)
    if arguments.begin:
        unpack(adapters, load_file(arguments.begin))
    training = Training(model, adapters, arguments=arguments, switch=switch, pad=prompts.pad)
    if arguments.resume:
        training.resume()
    training.run(samples)

    tensors = packed(adapters)
    save_file(tensors, arguments.out / "adapter.safetensors")
    switch.on = False
    merge(adapters, tensors)
    print(f"packed and merged after {time.time() - begin:.0f} s", flush=True)
    measure(model, prompts, arguments.data, out=arguments.out, name="after", few=few)
    print(f"done after {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
