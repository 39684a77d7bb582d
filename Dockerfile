# DocMind in a container, from the locks: the app and the model in one process, run by a user without rights.
#
#     docker build --target cpu -t docmind .        # or --target cuda
#     docker run --network host --volume docmind:/data docmind
#
# Tried: the target `cpu`, on 2026-11-28 with buildah on a Debian base made by debootstrap: 11 minutes; as user 10001 the
# page's health address answered, a document was ingested and SmolLM2 answered a question. The target `cuda` was never built.
#
# With an NVIDIA GPU add `--gpus all` (NVIDIA's container toolkit). The page answers this machine only, as it does
# without a container: DocMind listens on the loopback address, which `--network host` shares.
FROM debian:bookworm-slim AS base
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# g++ and Python's headers: vLLM compiles the model when it first starts. libnuma1: its CPU build loads it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates g++ libnuma1 python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data docmind \
    && install -d -o docmind -g docmind -m 0700 /data
ENV PATH=/opt/docmind/.venv/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    UV_NO_CACHE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    DOCMIND_DATA_DIR=/data
WORKDIR /opt/docmind
# what the packages depend on, and no more: a change of the code does not install them anew
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY requirements/ requirements/
COPY scripts/setup.sh scripts/
COPY docmind/__init__.py docmind/
VOLUME /data
# the first start fetches a model
HEALTHCHECK --start-period=15m --interval=30s --timeout=5s CMD ["python", "-c", "import os, urllib.request; \
    port = os.environ.get('DOCMIND_SERVER__PORT', '8501'); \
    urllib.request.urlopen(f'http://127.0.0.1:{port}/_stcore/health', timeout=4)"]
CMD ["docmind", "run"]

FROM base AS cpu
RUN DOCMIND_HARDWARE=cpu bash scripts/setup.sh .venv
COPY . .
USER 10001

FROM base AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN DOCMIND_HARDWARE=cuda bash scripts/setup.sh .venv
COPY . .
USER 10001
