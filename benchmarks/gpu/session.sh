#!/usr/bin/env bash
# On the GPU host, from the repository's root: bash benchmarks/gpu/session.sh STEP …   (results go to $OUT)
#
#   wait      until packages, models and the background warm-up are done (at most 8 minutes); says where they stand
#   target    the target model's shape with dummy weights, FLASHINFER, then FLASH_ATTN: bench engine, 131,072 window
#   selftest  docmind selftest with the real 1.5B, its whole window
#   real      bench engine, app and prefix with the real 1.5B
#   spec      speculative decoding off and on, the real 1.5B on quoting tasks
#   run NAME SECONDS COMMAND …   anything else, in the same environment: log to $OUT/NAME.log
set -u
cd "$(dirname "$0")/../.."
source benchmarks/gpu/env.sh
OUT=${OUT:-/tmp/gpu/out}
mkdir -p "$OUT"
docmind() { python3 -m docmind.cli "$@"; }
step() { # step NAME SECONDS COMMAND …: with its own limit; the end of its log is shown
    local name=$1 limit=$2 begin=$SECONDS; shift 2
    timeout "$limit" "$@" >"$OUT/$name.log" 2>&1
    echo "== $name: rc $? after $((SECONDS - begin)) s"; tail -n "${TAIL:-25}" "$OUT/$name.log" | cut -c1-220
}
cli() { local name=$1 limit=$2; shift 2; step "$name" "$limit" python3 -m docmind.cli "$@"; }

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
    cp /tmp/gpu/*.json "$OUT/" 2>/dev/null
    nvidia-smi --query-gpu=name,memory.used,memory.total --format=csv,noheader
}

case ${1:-} in
wait) until_ready ;;
target)
    for backend in ${BACKENDS:-FLASHINFER FLASH_ATTN}; do
        DOCMIND_LLM__MODEL=$TARGET DOCMIND_ENGINE__ATTENTION_BACKEND=$backend \
            cli "h200-target-${backend,,}" 280 bench engine --dummy --answer 256 --save "$OUT/h200-target-${backend,,}.json"
    done
    ;;
selftest)
    export DOCMIND_LLM__MODEL=qwen2.5-coder-1.5b
    cli h200-selftest 400 selftest --save "$OUT/h200-selftest.json"
    ;;
real)
    export DOCMIND_LLM__MODEL=qwen2.5-coder-1.5b
    cli h200-qwen2.5-coder-1.5b 200 bench engine --answer 256 --save "$OUT/h200-qwen2.5-coder-1.5b.json"
    cli h200-app 200 bench app --turns 8 --save "$OUT/h200-app.json"
    cli h200-prefix 180 bench prefix --save "$OUT/h200-prefix.json"
    ;;
spec)
    export DOCMIND_LLM__MODEL=qwen2.5-coder-1.5b
    cli h200-speculation 400 bench speculation --save "$OUT/h200-speculation.json"
    ;;
run) step "${@:2}" ;;
*) sed -n '2,11p' "$0"; exit 2 ;;
esac
