"""What each supported vLLM knows by name, read from its wheel without importing it.

    python -m tests.engine.vllm_names WHEEL… > tests/engine/vllm_names.json

The wheels: `pip download --no-deps vllm==0.25.1` and so on.
"""

import ast
import json
import sys
import zipfile

ARGUMENTS = "vllm/engine/arg_utils.py"
VARIABLES = "vllm/envs.py"
CACHE = "vllm/config/cache.py"
KERNELS = "vllm/config/kernel.py"
BACKENDS = "vllm/v1/attention/backends/registry.py"


def names(wheel):
    """Return the version and its names.

    These are arguments, flags, environment variables, KV cache types, attention backends and
    matrix kernels.
    """
    with zipfile.ZipFile(wheel) as archive:
        arguments = ast.parse(archive.read(ARGUMENTS))
        variables = ast.parse(archive.read(VARIABLES))
        cache = ast.parse(archive.read(CACHE))
        backends = ast.parse(archive.read(BACKENDS))
        kernels = ast.parse(archive.read(KERNELS))
    engine_args = _class(arguments, "EngineArgs")
    version = wheel.rsplit("/", 1)[-1].split("-")[1]
    return version, {
        "arguments": _fields(engine_args),
        "flags": sorted(text for text in _strings(engine_args) if text.startswith("--")),
        "variables": sorted(text for text in _strings(variables) if _is_variable(text)),
        "kv_cache_dtypes": sorted(_strings(_value_of(cache, "CacheDType"))),
        "backends": _members(_class(backends, "AttentionBackendEnum")),
        "linear_backends": sorted(_strings(_value_of(kernels, "LinearBackend"))),
    }


def _class(tree, name):
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    raise LookupError(name)


def _fields(node):
    return sorted(line.target.id for line in node.body if isinstance(line, ast.AnnAssign))


def _members(enum):
    found = []
    for line in enum.body:
        if isinstance(line, ast.Assign):
            found += [target.id for target in line.targets]
    return sorted(found)


def _value_of(tree, name):
    """What a module assigns to `name`, with a type or without."""
    for line in tree.body:
        if isinstance(line, ast.Assign | ast.AnnAssign):
            target = ast.unparse(line).split("=")[0]
            if name in target:
                return line.value
    raise LookupError(name)


def _strings(node):
    constants = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}


def _is_variable(text):
    return text.isupper() and text.startswith("VLLM_")


if __name__ == "__main__":
    print(json.dumps(dict(map(names, sys.argv[1:]))))
