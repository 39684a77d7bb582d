"""An adapter changes just the layers that it was made for, by what it holds."""

import pytest

from docmind.models.adapter import merge
from docmind.models.fetch import sha256_of

NAME = "model.layers.0.mlp.up_proj"


@pytest.fixture
def model():
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return Qwen2ForCausalLM(config).to(torch.bfloat16)


def write_adapter(path, *, rows=48):
    import torch
    from safetensors.torch import save_file

    tensors = {
        f"{NAME}.a": torch.full((2, 32), 100, dtype=torch.int8),
        f"{NAME}.a_scale": torch.tensor([[0.01], [0.02]]),
        f"{NAME}.b": torch.full((rows, 2), 50, dtype=torch.int8),
        f"{NAME}.b_scale": torch.tensor([[0.01, 0.01]]),
    }
    save_file(tensors, path)
    return sha256_of(path)


def test_merging_adds_the_product_to_its_layer_and_to_no_other(model, tmp_path):
    before = {name: tensor.float().clone() for name, tensor in model.state_dict().items()}
    sha256 = write_adapter(tmp_path / "a.safetensors")
    assert merge(model, tmp_path / "a.safetensors", sha256) == 1

    after = model.state_dict()
    for name, tensor in before.items():
        added = after[name].float() - tensor
        if name == f"{NAME}.weight":
            # 0.5 * 1 + 0.5 * 2, to half a step of bfloat16 near 1.5
            assert (added - 1.5).abs().max() <= 0.005
        else:
            assert not added.any()


def test_another_file_than_the_expected_one_is_refused(model, tmp_path):
    write_adapter(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="reinstall DocMind"):
        merge(model, tmp_path / "a.safetensors", "0" * 64)


def test_an_adapter_of_another_model_is_refused(model, tmp_path):
    sha256 = write_adapter(tmp_path / "a.safetensors", rows=40)
    with pytest.raises(ValueError, match="made for another model"):
        merge(model, tmp_path / "a.safetensors", sha256)
