#!/usr/bin/env bash
# Make the virtual environment: setup.sh VENV [--dev] [--programs]
#   --dev       also the tools for tests and lint
#   --programs  also the programs that the tests call (a browser, fonts, …), from Debian's packages
# Picks the lock by the machine (an NVIDIA GPU or none), installs only what changed, says what it does.
#
# No function here has the name of a program: `command -v chromium` inside a function `chromium` finds the function,
# and so this script once believed that every machine had a browser.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
shift
want_dev=
want_programs=
for flag in "$@"; do
    case $flag in
    --dev) want_dev=1 ;;
    --programs) want_programs=1 ;;
    *)
        echo "unknown option $flag" >&2
        exit 2
        ;;
    esac
done

say() { echo "→ $*"; }

has_program() { type -P "$1" >/dev/null; } # a file in PATH, never a function of this script

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "DocMind needs Python 3.11 or newer; $python is $("$python" -V). Set PYTHON=/path/to/python3.11." >&2
    exit 1
}

if [ -n "${DOCMIND_HARDWARE:-}" ]; then
    hardware=$DOCMIND_HARDWARE
elif has_program nvidia-smi && nvidia-smi -L 2>/dev/null | grep -q GPU; then
    hardware=cuda
else
    hardware=cpu
fi
lock=requirements/$hardware.txt
[ -f "$lock" ] || {
    echo "There is no lock for DOCMIND_HARDWARE=$hardware; use cpu or cuda." >&2
    exit 1
}

[ -x "$venv/bin/python" ] || {
    say "making the virtual environment in $venv"
    "$python" -m venv "$venv"
}

run_pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# install_locked FILE: what a lock names, only if its hash is the one in the lock. A lock is complete, so nothing is
# resolved again; --no-deps also keeps CUDA builds off a machine without a GPU.
install_locked() { run_pip install --no-deps --require-hashes -r "$1"; }

# unless_done NAME "FILES" COMMAND…: run the command, unless it ran before with the same files
unless_done() {
    local stamp="$venv/.installed-$1" files=$2 sum
    shift 2
    # shellcheck disable=SC2086  # FILES are several names
    sum=$(cat $files | sha256sum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then return 0; fi
    "$@"
    echo "$sum" >"$stamp"
}

install_torch_cpu() { # PyTorch's CPU build: where pip is set up to find it, else from PyTorch's own index
    run_pip install -q --no-deps -r requirements/torch-cpu.txt 2>/dev/null && return 0
    say "the CPU build of torch is not on pip's own path; fetching it from PyTorch's index"
    # uv knows that index; the lock of the tools has uv with its hashes
    sed -n '/^uv==/,/[^\\]$/p' requirements/dev.txt >"$venv/uv.txt"
    install_locked "$venv/uv.txt" >/dev/null
    "$venv/bin/uv" pip install -q --python "$venv/bin/python" --no-deps --torch-backend cpu \
        -r requirements/torch-cpu.txt
}

show_progress() { # one line for every 25 packages and for every large download, instead of pip's hundreds
    awk '/^(Collecting|Requirement)/ { n++; if (n % 25 == 0) print "  " n " packages" }
         /Downloading .*[MG]B\)/ { print "  " $2, $3, $4 }
         /^ *(Installing|ERROR|error)/ { print "  " substr($0, 1, 100) }
         { fflush() }'
}

install_app() {
    local log="$venv/install.log"
    say "installing $(grep -c '==' "$lock") packages from $lock (once; some minutes)"
    if [ "$hardware" = cpu ]; then install_torch_cpu; fi
    install_locked "$lock" 2>&1 | tee "$log" | show_progress || {
        tail -30 "$log" >&2
        echo "The packages of $lock could not be installed; the whole of pip's output is in $log." >&2
        return 1
    }
    install_locked requirements/build.txt >/dev/null
    local projects=(-e .)
    # `docmind bench` and `eval` belong to the checkout; an image is made without them
    [ ! -f benchmarks/pyproject.toml ] || projects+=(-e ./benchmarks)
    run_pip install -q --no-deps --no-build-isolation "${projects[@]}"
}

install_dev_tools() {
    say "installing the tools for tests and lint"
    install_locked requirements/dev.txt >/dev/null
}

can_compile() { # what vLLM needs to compile the model for a CPU
    has_program g++ &&
        "$python" -c 'import sysconfig; open(sysconfig.get_path("include") + "/Python.h").close()' 2>/dev/null
}

has_fonts() { has_program fc-list && fc-list | grep -q .; }

has_library() { "$python" -c "import ctypes; ctypes.CDLL('$1')" 2>/dev/null; }

# install_packages WHO PACKAGE…: Debian's packages, which WHO needs; where there are none, say what is wanted
install_packages() {
    local who=$1 sudo=()
    shift
    if [ $# = 0 ]; then return 0; fi
    if ! has_program apt-get; then
        echo "$who needs what is not here, in Debian the packages: $*. Install them." >&2
        return 1
    fi
    say "installing for $who: $*"
    [ "$(id -u)" = 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install_libraries() {
    # without libnuma vLLM's CPU build imports and then fails: '_C' object has no attribute 'init_cpu_memory_env'
    has_library libnuma.so.1 || install_packages "the engine" libnuma1
}

install_programs() {
    local packages=()
    has_program chromium || has_program google-chrome || packages+=(chromium)
    has_fonts || packages+=(fonts-dejavu-core fontconfig)
    has_program systemd-analyze || packages+=(systemd) # reads the units of deploy/
    can_compile || packages+=(g++ python3-dev)
    install_packages "the tests" "${packages[@]}"
}

unless_done "$hardware" "$lock pyproject.toml requirements/build.txt requirements/torch-cpu.txt" install_app
[ "$hardware" != cpu ] || install_libraries
[ -z "$want_dev" ] || unless_done dev requirements/dev.txt install_dev_tools
[ -z "$want_programs" ] || install_programs
if [ "$hardware" = cpu ] && ! can_compile; then
    say "g++ or Python's headers are missing: the model runs without being compiled, about 20% slower"
fi
