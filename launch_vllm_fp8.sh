#!/usr/bin/env bash
# Serves DocMind's model with `vllm serve`, on the same engine plan as the in-process engine.
#
#   ./launch_vllm_fp8.sh                                   # this machine only, port 8000
#   DOCMIND_LLM__BASE_URL=http://127.0.0.1:8000/v1 make run   # the app uses it
#
# Settings come from the same DOCMIND_… variables as the app's (model, window, VRAM budget); more arguments
# are handed to `vllm serve` as they are. HOST, PORT and VLLM_API_KEY change where it listens and who may ask.
set -euo pipefail
cd "$(dirname "$0")"

HOST=${HOST:-127.0.0.1}
PORT=${PORT:-8000}
PYTHON=${PYTHON:-.venv/bin/python}
[ -x "$PYTHON" ] || PYTHON=python3

# 1. Loopback unless you mean it: anyone who reaches the port can use the model.
KEY=${VLLM_API_KEY:-}
previous=
for word in "$@"; do
  case "$previous $word" in
    "--host "*) HOST=$word ;;
    *" --host="*) HOST=${word#--host=} ;;
    "--api-key "*) KEY=$word ;;
    *" --api-key="*) KEY=${word#--api-key=} ;;
  esac
  previous=$word
done
case "$HOST" in
  127.0.0.1 | localhost | ::1) ;;
  *)
    if [ -z "$KEY" ]; then
      echo "HOST=$HOST opens the server to the network. Set VLLM_API_KEY to a secret first, or leave HOST alone." >&2
      exit 2
    fi
    ;;
esac

# 2. Fetch the model unless it is there, and ask the engine plan for environment and arguments.
#    On a GPU of compute capability 8.9 or more: FP8 weights, FP8 KV cache, FlashInfer, and a KV cache and a
#    window that fit the VRAM budget, on each GPU if there are several (deploy/README.md). On a CPU: bfloat16 and
#    a smaller window.
PLAN=$(mktemp)
trap 'rm -f "$PLAN"' EXIT
"$PYTHON" -m docmind.cli.serve_command > "$PLAN"
mapfile -d '' -t COMMAND < "$PLAN"
rm -f "$PLAN"

# 3. Serve. DocMind reads tool calls itself where it forces them; the parser is for free calls and other clients.
COMMAND+=(--host "$HOST" --port "$PORT" --enable-auto-tool-choice --tool-call-parser hermes)
COMMAND+=(--enable-prompt-tokens-details "$@") # DocMind shows what the prefix cache served
PATH="$(dirname "$(command -v "$PYTHON")"):$PATH" # ninja, for kernels that are compiled
printf '%q ' env "${COMMAND[@]}"
echo
exec env "${COMMAND[@]}"
