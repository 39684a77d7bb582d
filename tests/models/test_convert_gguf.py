"""8-bit weights are the model's own, to half a step, in the form that vLLM reads."""

import json
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from docmind.hardware import Hardware
from docmind.models.convert_gguf import LEFT_IN_BFLOAT16, _save_int8


@pytest.mark.parametrize("tied", [True, False])
def test_8_bit_weights_stay_within_half_a_step(tmp_path, tied):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    config = LlamaConfig(
        **sizes, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=tied
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    before = {name: tensor.float().clone() for name, tensor in model.state_dict().items()}
    _save_int8(model, tmp_path / "out")

    tensors = load_file(tmp_path / "out" / "model.safetensors")
    scheme = json.loads((tmp_path / "out" / "config.json").read_text())["quantization_config"]
    assert scheme["quant_method"] == "compressed-tensors"
    matrices = [name for name in before if name.endswith("_proj.weight")]
    assert len(matrices) == 14
    for name in matrices:
        assert tensors[name].dtype == torch.int8
        scale = tensors[name.removesuffix("weight") + "weight_scale"]
        assert scale.shape == (before[name].shape[0], 1)
        assert (tensors[name] * scale - before[name]).abs().le(scale * 0.5001).all()
    kept = set(before) - set(matrices) - ({"lm_head.weight"} if tied else set())
    assert kept <= set(tensors)
    assert ("lm_head.weight" in tensors) != tied
    assert set(scheme["ignore"]) == LEFT_IN_BFLOAT16


def test_8_bit_is_for_cpus_that_multiply_it():
    machine = Hardware(
        cpu="Xeon",
        cores=2,
        ram_gib=24.0,
        ram_free_gib=20.0,
        cpu_flags=frozenset({"avx512_vnni"}),
    )
    assert machine.multiplies_int8
    assert not replace(machine, cpu_flags=frozenset({"avx2"})).multiplies_int8
    assert not replace(machine, gpu="NVIDIA L4").multiplies_int8
