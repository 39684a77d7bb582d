#!/usr/bin/env bash
# Write requirements/{cpu,cuda,dev,build}.txt from pyproject.toml: lock.sh UV
# Every file has the hashes of what it may install and names no host. Versions that still fit stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$1

compile() {  # compile OUT ARGUMENTS…
    local out=$1
    shift
    "$uv" pip compile -q "$@" --python-version 3.11 --universal --generate-hashes \
        --no-header --no-annotate --no-emit-index-url -o "$out"
    # the platform is fixed in [tool.uv] environments; saying it on every line helps nobody
    sed -i -E "s/ (;|and) platform_machine == 'x86_64' and sys_platform == 'linux'( \\\\)?$/\2/" "$out"
    echo "→ $out: $(grep -c '==' "$out") packages"
}

compile requirements/cpu.txt pyproject.toml requirements/cpu.in --extra cpu \
    --override requirements/cpu.override.txt --override requirements/cpu-lock.override.txt
compile requirements/cuda.txt pyproject.toml --extra cuda --override requirements/cuda.override.txt
compile requirements/dev.txt --group dev -c requirements/cpu.txt
compile requirements/build.txt --group build -c requirements/cpu.txt
