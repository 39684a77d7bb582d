#!/usr/bin/env bash
# In the background while the last pieces travel: the target model's shape, first start on a fresh machine. What it
# compiles (torch.compile, FlashInfer's kernels) is cached for the steps of session.sh; its figures are the cold ones.
cd "$(dirname "$0")/../.."
source benchmarks/gpu/env.sh
if command -v nvidia-smi >/dev/null; then
    for backend in ${PREWARM:-FLASHINFER FLASH_ATTN}; do
        DOCMIND_LLM__MODEL=$TARGET DOCMIND_ENGINE__ATTENTION_BACKEND=$backend timeout 540 python3 -m docmind.cli \
            bench engine --dummy --answer 256 --save "/tmp/gpu/h200-target-${backend,,}-first-start.json"
    done
fi
touch /tmp/gpu/prewarm.done
