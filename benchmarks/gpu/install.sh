#!/usr/bin/env bash
# On the GPU host: deal with one file that is whole (called by take.py). Leaves NAME.done, or NAME.failed.
set -uo pipefail
name=$1
home=/tmp/gpu
cd "$(dirname "$0")/../.."
source benchmarks/gpu/env.sh

unpack() {  # unpack FILE DIR
    python3 - "$1" "$2" <<'PY'
import glob, sys, tarfile, tempfile, zipfile
wheel = glob.glob("/tmp/gpu/zstandard-*.whl")[0]
own = tempfile.mkdtemp()  # others unpack at the same time: a library that is written anew under them crashes them
zipfile.ZipFile(wheel).extractall(own)
sys.path.insert(0, own)
import zstandard
with open(sys.argv[1], "rb") as data:
    stream = zstandard.ZstdDecompressor(max_window_size=2**28).stream_reader(data)
    tarfile.open(fileobj=stream, mode="r|").extractall(sys.argv[2], filter="fully_trusted")
PY
}

await() {  # await NAME …: until these are done
    for other in "$@"; do
        until [ -e "$home/$other.done" ]; do
            [ ! -e "$home/$other.failed" ] || return 1
            sleep 0.5
        done
    done
}

stage() {
    case $name in
    zstandard-*) ;;
    site.tar.zst) unpack "$home/$name" "$SITE" ;;
    extra.tar.zst)
        unpack "$home/$name" "$EXTRA" || return
        mkdir -p "$DOCMIND_DATA_DIR/models" && cp -r "$EXTRA/models/." "$DOCMIND_DATA_DIR/models/" || return
        # the target model's shape: its configuration, a tokenizer of the same vocabulary, and a file of the weights' size
        mkdir -p "$TARGET" && cp "$EXTRA"/shapes/*/* "$EXTRA"/tokenizer/tokenizer.json "$TARGET/" || return
        truncate -s 4413000000 "$TARGET/model.safetensors"
        await site.tar.zst || return
        (setsid bash benchmarks/gpu/prewarm.sh >"$home/prewarm.log" 2>&1 &)
        ;;
    model.gguf)
        await site.tar.zst extra.tar.zst || return
        work=$DOCMIND_DATA_DIR/models/.pulling/qwen2.5-coder-1.5b
        mkdir -p "$work" && mv "$home/$name" "$work/model.gguf" || return
        python3 -m docmind.cli model pull qwen2.5-coder-1.5b # finds the file, checks and converts it
        ;;
    esac
}

begin=$(date +%s)
if stage; then touch "$home/$name.done"; else touch "$home/$name.failed"; fi
echo "$name: $(($(date +%s) - begin)) s"
