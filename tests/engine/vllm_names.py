"""What each supported vLLM knows by name, read from its wheel without importing it.

    python -m tests.engine.vllm_names WHEEL… > tests/engine/vllm_names.json

The wheels: `pip download --no-deps vllm==0.25.1` and so on.
"""

import ast
import json
import sys
import zipfile

ARGUMENTS, VARIABLES = "vllm/engine/arg_utils.py", "vllm/envs.py"
CACHE, BACKENDS = "vllm/config/cache.py", "vllm/v1/attention/backends/registry.py"


def names(wheel):
    """Return the version and its names: arguments, flags, environment variables, KV cache types, backends."""
    with zipfile.ZipFile(wheel) as archive:
        trees = {
            name: ast.parse(archive.read(name)) for name in (ARGUMENTS, VARIABLES, CACHE, BACKENDS)
        }
    classes = {
        n.name: n for tree in trees.values() for n in ast.walk(tree) if isinstance(n, ast.ClassDef)
    }
    dtypes = next(
        n.value
        for n in trees[CACHE].body
        if isinstance(n, ast.Assign | ast.AnnAssign)
        and "CacheDType" in ast.unparse(n).split("=")[0]
    )
    version = wheel.rsplit("/", 1)[-1].split("-")[1]
    return version, {
        "arguments": _fields(classes["EngineArgs"]),
        "flags": sorted(s for s in _strings(classes["EngineArgs"]) if s.startswith("--")),
        "variables": sorted(
            {s for s in _strings(trees[VARIABLES]) if s.isupper() and s.startswith("VLLM_")}
        ),
        "kv_cache_dtypes": sorted(_strings(dtypes)),
        "backends": sorted(
            t.id
            for n in classes["AttentionBackendEnum"].body
            if isinstance(n, ast.Assign)
            for t in n.targets
        ),
    }


def _fields(node):
    return sorted(n.target.id for n in node.body if isinstance(n, ast.AnnAssign))


def _strings(node):
    return {
        n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }


if __name__ == "__main__":
    print(json.dumps(dict(map(names, sys.argv[1:]))))
