# What everything on the GPU host runs with; to be sourced.
export SITE=/tmp/site EXTRA=/tmp/extra TARGET=/tmp/target
export DOCMIND_DATA_DIR=/tmp/docmind-gpu DOCMIND_TEST_DATA=$EXTRA/data
export PYTHONPATH=$PWD:$SITE HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 PYTHONUNBUFFERED=1 COLUMNS=120
mkdir -p "$DOCMIND_DATA_DIR"
