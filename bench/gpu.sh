#!/bin/sh
# Check the kernels on a GPU, time them, training steps and sampling; in less than ten minutes.
#
#     sh bench/gpu.sh [folder]        writes JSON to the folder, by default results/gpu
#
# Beside PyTorch for CUDA: pip install -e . pytest pytest-timeout pytest-xdist. Checks that fail do
# not stop the timing, but the exit code is theirs.
set -eu
cd "$(dirname "$0")/.."
out=${1:-results/gpu}
failed=0
python -m pytest -q -n 8 -m "" tests/signal/test_fused_gpu.py tests/signal/test_resample.py || failed=$?
python -m pytest -q -m "" tests/signal/test_rotate.py tests/diffusion -k "wait or gpu" || failed=$?
python bench/gpu.py --out "$out/bench-gpu.json"
python bench/train.py --device cuda --configs A D@6 D@12 --batches 512 --precision bf16 \
    --rounds 5 --out "$out/bench-train-fused.json"
exit "$failed"
