#!/usr/bin/env bash
# Make the virtual environment: setup.sh VENV [--dev] [--browser]
# Picks the lock by the machine (an NVIDIA GPU or none), installs only what changed, says what it does.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1; shift
dev= browser=
for flag in "$@"; do case $flag in --dev) dev=1 ;; --browser) browser=1 ;; *) echo "unknown option $flag" >&2; exit 2 ;; esac; done

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "DocMind needs Python 3.11 or newer; $python is $("$python" -V). Set PYTHON=/path/to/python3.11." >&2; exit 1; }

if [ -n "${DOCMIND_HARDWARE:-}" ]; then hardware=$DOCMIND_HARDWARE
elif command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; then hardware=cuda
else hardware=cpu; fi
lock=requirements/$hardware.txt
[ -f "$lock" ] || { echo "There is no lock for DOCMIND_HARDWARE=$hardware; use cpu or cuda." >&2; exit 1; }

[ -x "$venv/bin/python" ] || { echo "→ making the virtual environment in $venv"; "$python" -m venv "$venv"; }
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# install NAME COMMAND…: run the command unless the same files were installed before
install() {
    local stamp="$venv/.installed-$1" sum; shift
    local files=$1; shift
    # shellcheck disable=SC2086
    sum=$(cat $files | sha256sum)
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ] && return 0
    "$@"
    echo "$sum" >"$stamp"
}

torch_cpu() {  # PyTorch's CPU build: where pip is set up to find it, else from PyTorch's own index
    local want; want=$(grep '^torch==' "$lock")
    pip install -q --no-deps "$want" 2>/dev/null && return 0
    echo "→ $want is not on pip's own path; fetching it from PyTorch's index"
    pip install -q uv
    "$venv/bin/uv" pip install -q --python "$venv/bin/python" --no-deps --torch-backend cpu "$want"
}

from_lock() {
    echo "→ installing $(grep -c '==' "$lock") packages from $lock (once; some minutes)"
    if [ "$hardware" = cpu ]; then torch_cpu; fi
    # the lock is complete, so nothing is resolved again: --no-deps also keeps CUDA builds off a CPU machine
    pip install --no-deps -r "$lock" 2>&1 |
        awk '/^(Collecting|Requirement)/ { n++; if (n % 25 == 0) print "  " n " packages" } /Downloading .*[MG]B\)/ { print "  " $2, $3, $4 }
             /^(Installing|ERROR|error)/ { print "  " substr($0, 1, 100) } { fflush() }'
    pip install -q --no-deps -e .
}

dev_tools() { echo "→ installing the tools for tests and lint"; pip install -q --no-deps -r requirements/dev.txt; }

chromium() {
    command -v chromium >/dev/null && return 0
    echo "→ installing Chromium for the browser tests"
    local sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq && $sudo apt-get install -y -qq chromium fonts-dejavu >/dev/null
}

install "$hardware" "$lock pyproject.toml" from_lock
[ -z "$dev" ] || install dev requirements/dev.txt dev_tools
[ -z "$browser" ] || chromium
