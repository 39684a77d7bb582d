# What everything on the GPU host runs with; to be sourced.
export SITE=/tmp/site EXTRA=/tmp/extra TARGET=/tmp/target
export DOCMIND_TEST_DATA=$EXTRA/data DOCMIND_DATA_DIR=/tmp/docmind-gpu
export PYTHONPATH=$PWD:$SITE HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 PYTHONUNBUFFERED=1 COLUMNS=120
mkdir -p "$DOCMIND_DATA_DIR/models"
if [ "${CUDA_VISIBLE_DEVICES:-0}" = 1 ]; then # what runs beside has its own data, logs and compiled kernels
    mkdir -p "$DOCMIND_DATA_DIR-1" && ln -sfn "$DOCMIND_DATA_DIR/models" "$DOCMIND_DATA_DIR-1/models"
    export DOCMIND_DATA_DIR=$DOCMIND_DATA_DIR-1
fi
