#!/usr/bin/env bash
# On the GPU host, from the repository's root: GPU=N bash benchmarks/gpu/session.sh STEP …
#
#   wait      until packages, models and the background warm-up are done (at most 8 minutes); says where they stand
#   target    the target model's shape with dummy weights, FLASHINFER, then FLASH_ATTN: bench engine, 131,072 window
#   deepgemm  the same with DeepGEMM's matrix kernels instead of CUTLASS's (compiles them: minutes)
#   selftest  docmind selftest with the real 1.5B, its whole window
#   real      bench engine, app and prefix with the real 1.5B
#   spec      speculative decoding off and on, the real 1.5B on quoting tasks
#   tokens, tools, answers, prompts     the evaluations of that name with the real 1.5B
#   two       launch_vllm_fp8.sh with the 1.5B on GPUs 0 and 1 (tensor parallel): bench engine, an answer by the app
#   run NAME SECONDS COMMAND …   anything else, in the same environment: log to NAME.log
#
# Steps follow each other on GPU N (default 0); a second call with another N may run at the same time. Results and logs
# are collected in /tmp/gpu/out, whichever call made them; `pack` puts all of them into $OUT/out.tgz.
set -u
cd "$(dirname "$0")/../.."
export CUDA_VISIBLE_DEVICES=${GPU:-0}
source benchmarks/gpu/env.sh
HERE=/tmp/gpu/out
mkdir -p "$HERE"
CARD=${CARD:-$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -1 | awk '{print tolower($2)}')}
LLM=${LLM:-qwen2.5-coder-1.5b}
step() { # step NAME SECONDS COMMAND …: with its own limit; the end of its log is shown
    local name=$1 limit=$2 begin=$SECONDS; shift 2
    timeout "$limit" "$@" >"$HERE/$name.log" 2>&1
    local rc=$?
    echo "== $name on GPU $CUDA_VISIBLE_DEVICES: rc $rc after $((SECONDS - begin)) s"
    tail -n "${TAIL:-25}" "$HERE/$name.log" | cut -c1-220
    tail -n 400 "$DOCMIND_DATA_DIR/logs/docmind.log" >"$HERE/$name.start.log" 2>/dev/null # where the start's time went
    grep -h "Ready after" "$HERE/$name.start.log" | tail -n 1 | cut -c1-300
}
cli() { # cli NAME SECONDS COMMAND …: a docmind command that saves its figures as NAME.json
    local name=$CARD-$1 limit=$2 module=docmind.cli; shift 2
    case $1 in bench | eval) module=benchmarks ;; esac # nothing is installed here, so no entry points either
    step "$name" "$limit" python3 -m "$module" "$@" --save "$HERE/$name.json"
}
target() { # target NAME BACKEND SECONDS
    DOCMIND_LLM__MODEL=$TARGET DOCMIND_ENGINE__ATTENTION_BACKEND=$2 \
        cli "target-$1" "$3" bench engine --dummy --answer 256
}

until_ready() {
    local begin=$SECONDS names
    names=$(awk '{print $1}' /tmp/gpu/streams)
    while ((SECONDS - begin < 480)); do
        local left=
        for name in $names prewarm; do [ -e "/tmp/gpu/$name.done" ] || left+=" $name"; done
        ls /tmp/gpu/*.failed 2>/dev/null && break
        [ -z "$left" ] && break
        sleep 1
    done
    echo "left:${left:- nothing}, after $((SECONDS - begin)) s"
    for log in /tmp/gpu/*.log; do echo "-- $log"; tail -n 12 "$log" | cut -c1-200; done
    nvidia-smi --query-gpu=index,name,memory.used,memory.total --format=csv,noheader
}

two() { # the product's own launch script on both cards, the app's engine over HTTP
    # NVLink multicast stays off: vLLM's fused all-reduce and PyTorch's symmetric memory would use it
    export CUDA_VISIBLE_DEVICES=0,1 VLLM_ALLREDUCE_USE_SYMM_MEM=0 VLLM_FLASHINFER_ALLREDUCE_BACKEND=trtllm
    export NCCL_NVLS_ENABLE=0 TORCH_SYMM_MEM_DISABLE_MULTICAST=1 NVSHMEM_DISABLE_NVLS=1
    export DOCMIND_LLM__MODEL=$LLM DOCMIND_ENGINE__ATTENTION_BACKEND=${BACKEND:-FLASH_ATTN}
    DOCMIND_ENGINE__TENSOR_PARALLEL_SIZE=${CARDS:-2} PYTHON=$(command -v python3) setsid bash launch_vllm_fp8.sh \
        --compilation-config '{"pass_config": {"fuse_allreduce_rms": false}}' >"$HERE/two-server.log" 2>&1 &
    local server=$! begin=$SECONDS
    until python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8000/health", timeout=2)' 2>/dev/null; do
        if ! kill -0 "$server" 2>/dev/null || ((SECONDS - begin > 240)); then
            echo "the server did not start"; tail -n 30 "$HERE/two-server.log" | cut -c1-220
            break
        fi
        sleep 1
    done
    echo "server up after $((SECONDS - begin)) s"; nvidia-smi --query-gpu=index,memory.used --format=csv,noheader
    export DOCMIND_LLM__BASE_URL=http://127.0.0.1:8000/v1
    cli two-gpus 120 bench engine --prompts 1024,16384 --answer 256
    step two-ingest 60 python3 -m docmind.cli ingest "$DOCMIND_TEST_DATA/handbook"
    step two-ask 60 python3 -m docmind.cli ask "${QUESTION:-What is a row permission?}"
    kill -- "-$server" 2>/dev/null
}

while [ $# -gt 0 ]; do
    word=$1; shift
    case $word in
    wait) until_ready ;;
    target) for backend in ${BACKENDS:-FLASHINFER FLASH_ATTN}; do target "${backend,,}" "$backend" 280; done ;;
    deepgemm) VLLM_USE_DEEP_GEMM=1 target deepgemm "${BACKEND:-FLASH_ATTN}" 450 ;;
    two) two ;;
    run) step "$@"; break ;;
    selftest | real | spec | tokens | tools | answers | prompts)
        export DOCMIND_LLM__MODEL=$LLM
        case $word in
        selftest) cli selftest 300 selftest ;;
        real)
            cli $LLM 160 bench engine --answer 256
            cli app 160 bench app --turns 8
            DOCMIND_AGENTS__KEEP_PASSAGES=0 cli prefix-none 120 bench prefix
            DOCMIND_AGENTS__KEEP_PASSAGES=0.75 cli prefix 120 bench prefix
            ;;
        spec) cli speculation 400 bench speculation ;;
        tokens) cli tokens 500 bench tokens --data "$DOCMIND_TEST_DATA" ;;
        tools) cli tools 300 bench tools ;;
        answers) DOCMIND_ENGINE__MAX_NUM_SEQS=16 cli answers 400 eval answers --parallel 8 --data "$DOCMIND_TEST_DATA" ;;
        prompts)
            DOCMIND_ENGINE__MAX_NUM_SEQS=64 step "$CARD-prompts" 300 \
                python3 -m benchmarks.prompts "$DOCMIND_TEST_DATA" "$HERE/$CARD-prompts.json"
            ;;
        esac
        ;;
    pack) ;;
    *) sed -n '2,17p' "$0"; exit 2 ;;
    esac
done
cp /tmp/gpu/*.json "$HERE/" 2>/dev/null
[ -z "${OUT:-}" ] || tar -C /tmp/gpu -czf "$OUT/out-$CUDA_VISIBLE_DEVICES.tgz" out
