#!/usr/bin/env bash
# Everything about speed on a CPU, on a quiet machine, 20 to 30 minutes: bash benchmarks/cpu.sh GGUF LLAMA_PYTHON
#
# GGUF: the file that the default model was converted from; LLAMA_PYTHON: a Python with llama-cpp-python, built from its
# source for this machine. (Where gcc 12 builds it with AMX, add CMAKE_ARGS="-DCMAKE_CXX_FLAGS='-fno-tree-dse
# -fno-dse'": it drops the stores that fill the tile configuration, and the first prompt crashes.)
set -euo pipefail
cd "$(dirname "$0")/.."
gguf=${1:?usage: cpu.sh GGUF LLAMA_PYTHON}; llama=${2:?usage: cpu.sh GGUF LLAMA_PYTHON}
py=${PYTHON:-.venv/bin/python}; results=benchmarks/results
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export PYTHONPATH=$PWD
name=qwen2.5-coder-1.5b

mkdir "$work/gguf"; ln -s "$(realpath "$gguf")" "$work/gguf/model.gguf"
"$py" -m docmind.models.convert_gguf "$work/gguf/model.gguf" "$work/bf16" "$name"
"$py" -m docmind.models.convert_gguf "$work/gguf/model.gguf" "$work/w8a8" "$name" --int8
"$llama" - "$gguf" "$work/q8_0.gguf" <<'PY'
import sys, llama_cpp
options = llama_cpp.llama_model_quantize_default_params()
options.allow_requantize, options.ftype = True, llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
sys.exit(llama_cpp.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(), options))
PY
"$py" -m benchmarks bench cpu "w8a8=$work/w8a8" "bf16=$work/bf16" \
    --gguf "llamacpp_q4_k_m=$gguf" --gguf "llamacpp_q8_0=$work/q8_0.gguf" --llama-python "$llama" \
    --save $results/cpu-speed.json
export DOCMIND_LLM__MODEL=$work/w8a8
"$py" -m benchmarks bench speculation --tokens 0,3,6 --topics 2 --save $results/cpu-speculation.json
"$py" -m benchmarks bench engine --prompts 1024,4096 --save $results/cpu-engine.json
"$py" -m benchmarks bench app --turns 4 --save $results/cpu-app.json
"$py" -m benchmarks bench prefix --save $results/cpu-prefix.json
"$py" -m benchmarks bench ui --save $results/ui.json
"$py" -m docmind.cli selftest --save $results/cpu-selftest.json
