#!/usr/bin/env bash
# In the background while the last pieces travel: the target model's shape, first start on a fresh machine, on GPU 0.
# What it compiles (torch.compile, FlashInfer's kernels) is cached for the steps of session.sh; its figures are the cold
# ones. PREWARM="" leaves it out.
cd "$(dirname "$0")/../.."
export CUDA_VISIBLE_DEVICES=0
source benchmarks/gpu/env.sh
if command -v nvidia-smi >/dev/null; then
    card=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1 | awk '{print tolower($2)}')
    for backend in ${PREWARM-FLASHINFER FLASH_ATTN}; do
        DOCMIND_LLM__MODEL=$TARGET DOCMIND_ENGINE__ATTENTION_BACKEND=$backend timeout 540 python3 -m benchmarks \
            bench engine --dummy --answer 256 --save "/tmp/gpu/$card-target-${backend,,}-first-start.json"
        cp "$DOCMIND_DATA_DIR/logs/docmind.log" "/tmp/gpu/start-${backend,,}.log"
    done
fi
touch /tmp/gpu/prewarm.done
