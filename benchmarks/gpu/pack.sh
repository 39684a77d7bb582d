#!/usr/bin/env bash
# Pack all that the measurements on an offline GPU host need into .gpu/01, .gpu/02, … (60 MiB each):
#
#     bash benchmarks/gpu/pack.sh VLLM_PACK.sh DATA_DIR
#
# VLLM_PACK.sh: a script that writes a vLLM stack for that host as pieces of site.tar.zst (called with a folder and
# more.txt). DATA_DIR: the evaluation data. The models are those of $DOCMIND_DATA_DIR, plus the 1.5B's GGUF file, which
# is carried as it is (1.1 GB instead of 3.5 GB) and converted there. Needs zstd and the project's .venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
pack=${1:?usage: pack.sh VLLM_PACK.sh DATA_DIR}; data=${2:?usage: pack.sh VLLM_PACK.sh DATA_DIR}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
py=${PYTHON:-.venv/bin/python}

bash "$pack" "$work/site" "$PWD/benchmarks/gpu/more.txt"
if [ -n "${LEVEL:-}" ]; then  # LEVEL=19: 5% smaller in 10 minutes
    cat "$work"/site/*/site.tar.zst.* | zstd -dq --long=27 | zstd -q "-$LEVEL" -T0 --long=27 -o "$work/site.tar.zst"
else
    cat "$work"/site/*/site.tar.zst.* >"$work/site.tar.zst"
fi

mkdir -p "$work/extra/data/formats" "$work/extra/data/xquad" "$work/extra/tokenizer"
cp -r "$data"/{handbook,cookbook-docs,mtrag,chunking-eval} "$work/extra/data/"
cp -r "$data"/xquad/*en* "$work/extra/data/xquad/"
cp -r "$data"/formats/{pdf,xlsx,docx,csv,md,html} "$work/extra/data/formats/"
cp -r "$work"/site/*/shapes "$work/extra/"
chmod -R u+w "$work/extra"
PYTHONPATH=. "$py" -m benchmarks.gpu.models "$work/extra" "$work/model.gguf"
tar -C "$work/extra" -cf - . | zstd -q -12 -T0 --long=27 -o "$work/extra.tar.zst"

mv "$work"/site/*/zstandard-*.whl "$work/"
rm -rf .gpu; mkdir .gpu
(
    cd "$work"
    streams=(zstandard-*.whl site.tar.zst extra.tar.zst model.gguf)
    # one stream cut into equal pieces: fewer than if each file were cut by itself
    cat "${streams[@]}" | split -b "${PIECE:-60M}" -d -a 2 --numeric-suffixes=1 \
        --filter="mkdir -p $OLDPWD/.gpu/\$FILE; cat >$OLDPWD/.gpu/\$FILE/piece" - ""
    stat -c '%n %s' "${streams[@]}" >"$OLDPWD/.gpu/01/streams"
)
du -sm .gpu/* | tail -3
