#!/usr/bin/env bash
# Write requirements/{cpu,cuda,dev}.txt from pyproject.toml: lock.sh UV. No host is named in them.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$1
compile() {  # compile OUT ARGUMENTS…
    local out=$1; shift
    "$uv" pip compile -q "$@" --python-version 3.11 --universal --no-header --no-annotate --no-emit-index-url -o "$out"
    # the platform is fixed in [tool.uv] environments; saying it on every line helps nobody
    sed -i -E "s/ (;|and) platform_machine == 'x86_64' and sys_platform == 'linux'$//" "$out"
    echo "→ $out: $(grep -c '==' "$out") packages"
}
compile requirements/cpu.txt pyproject.toml requirements/cpu.in --extra cpu --override requirements/cpu.override.txt
echo "torch==$(sed -n 's/^# torch==//p' requirements/cpu.in | cut -d' ' -f1)" >>requirements/cpu.txt
compile requirements/cuda.txt pyproject.toml --extra cuda --override requirements/cuda.override.txt
compile requirements/dev.txt --group dev -c requirements/cpu.txt
