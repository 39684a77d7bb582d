#!/usr/bin/env bash
# Pack all that training on an offline GPU host needs into .gpu/t/a0, a1, … and g00, g01, … (58 MiB each):
#
#     bash training/pack.sh TRAIN_DATA READY MODEL_FOLDER MODEL.gguf
#
# READY: what `python -m training.prepare` wrote. MODEL_FOLDER: the converted model (its tokenizer and configuration).
set -euo pipefail
cd "$(dirname "$0")/.."
train=${1:?TRAIN_DATA}; ready=${2:?READY}; model=${3:?MODEL_FOLDER}; gguf=${4:?MODEL.gguf}
python=${PYTHON:-.venv/bin/python}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

mkdir -p "$work"/x/code/site "$work"/x/data/train/tables "$work"/x/weights
# Of DocMind only what the data is made with; of the libraries the two that the host lacks.
for file in __init__.py passages.py context/{__init__,delimiters}.py retrieval/{__init__,sparse}.py \
    verification/{__init__,judge_prompts,sentences}.py; do
    install -D "docmind/$file" "$work/x/code/docmind/$file"
done
cp -r training "$work/x/code/"
site=$("$python" -c 'import gguf, pathlib; print(pathlib.Path(gguf.__file__).parents[1])')
cp -r "$site"/{snowballstemmer,gguf} "$work/x/code/site/"
cp -r "$ready" "$work/x/data/ready"
cp -r "$train"/{support,relevance,passages,turns,routing} "$work/x/data/train/"
cp "$train"/tables/{scitab,tabfact,wtq}.jsonl.gz "$work/x/data/train/tables/"
cp "$model"/{tokenizer.json,config.json} "$work/x/weights/"
find "$work/x" -name __pycache__ -prune -exec rm -rf {} +
chmod -R u+w "$work/x"
tar -C "$work/x" -czf "$work/first.tgz" .

rm -rf .gpu/t; mkdir -p .gpu/t; gguf=$(realpath "$gguf"); cd .gpu/t
# shellcheck disable=SC2016  # split sets $FILE
split -b 58M -d -a 1 --filter='mkdir "a$FILE"; cat >"a$FILE/p"' "$work/first.tgz" ""
# shellcheck disable=SC2016
split -b 58M -d -a 2 --filter='mkdir "g$FILE"; cat >"g$FILE/p"' "$gguf" ""
du -sm ./* | tail -3
