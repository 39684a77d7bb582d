"""A small model learns its letters, stays as it is elsewhere, and goes on where it stopped."""

import argparse

import pytest
import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from docmind.models.adapter import merge as merge_as_the_product_does
from docmind.models.fetch import sha256_of
from training import tune
from training.lora import Switch, add_adapters, packed, unpack
from training.tune import DEVICE, Sample, Training, letter_loss

LETTERS = (10, 11, 12)


def small_model():
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return Qwen2ForCausalLM(config).to(DEVICE, torch.float32).eval()


@pytest.fixture
def samples(monkeypatch):
    monkeypatch.setattr(tune, "MIXES", {"judging": {"judge": 12, "anchor": 4}})
    made = []
    for number in range(30):
        label = number % 3
        # The letter to write stands in the prompt.
        ids = [20 + number % 7, 30 + label, 5, 6]
        made.append(Sample("judge", ids, prompt=4, label=LETTERS[label]))
        made.append(Sample("anchor", [40 + number % 9, 7, 8, 9, 3], prompt=2))
    return made


def train(model, samples, out, *, steps, resume=False):
    arguments = argparse.Namespace(
        rate=3e-2,
        out=out,
        seconds=1000.0,
        most_steps=steps,
        seed=0,
        tiny=False,
        answers=False,
        mix="judging",
    )
    switch = Switch()
    adapters = add_adapters(model, 4, switch)
    training = Training(model, adapters, arguments=arguments, switch=switch, pad=0)
    if resume:
        training.resume()
    training.run(samples)
    training.save()
    return training, adapters, switch


def test_letters_are_learnt(samples, tmp_path):
    model = small_model()
    judged = [sample for sample in samples if sample.task == "judge"]
    with torch.no_grad():
        before = letter_loss(model, judged, 0)
    train(model, samples, tmp_path, steps=30)
    with torch.no_grad():
        assert letter_loss(model, judged, 0) < 0.9 * before


def test_training_goes_on_from_its_checkpoint(samples, tmp_path):
    first, adapters, _ = train(small_model(), samples, tmp_path, steps=2)
    again, resumed, _ = train(small_model(), samples, tmp_path, steps=2, resume=True)
    assert again.step == first.step == 2
    for name, adapter in adapters.items():
        assert torch.equal(adapter.b, resumed[name].b)


def test_the_merged_model_says_what_the_adapters_say(samples, tmp_path):
    model = small_model()
    _, adapters, switch = train(model, samples, tmp_path, steps=6)
    ids = torch.tensor([[20, 30, 5, 6]], device=DEVICE)
    with torch.no_grad():
        tuned = model(input_ids=ids).logits
        switch.on = False
        untuned = model(input_ids=ids).logits
    file = tmp_path / "adapter.safetensors"
    save_file(packed(adapters), file)

    shipped = small_model()
    assert merge_as_the_product_does(shipped, file, sha256_of(file)) == 14
    with torch.no_grad():
        merged = shipped(input_ids=ids).logits
    error = (merged - tuned).abs().max()
    assert error < 0.05 * (tuned - untuned).abs().max()


def test_another_training_begins_as_the_packed_adapter_was(samples, tmp_path):
    model = small_model()
    _, adapters, _ = train(model, samples, tmp_path, steps=6)
    ids = torch.tensor([[20, 30, 5, 6]], device=DEVICE)
    other = small_model()
    begun = add_adapters(other, 4, Switch())
    with torch.no_grad():
        untuned = other(input_ids=ids).logits
        unpack(begun, packed(adapters))
        error = (other(input_ids=ids).logits - model(input_ids=ids).logits).abs().max()
        assert error < 0.05 * (model(input_ids=ids).logits - untuned).abs().max()
