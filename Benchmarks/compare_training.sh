#!/usr/bin/env bash
# Times a training step of ResNet-20 in signum and in PyTorch, in turn, and prints each round with the ratio.
#
#   Benchmarks/compare_training.sh MODEL [ROUNDS]      (PYTHON names a Python with torch; default python3)
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:?name the ONNX file of ResNet-20, batch norm kept}
rounds=${2:-3}
python=${PYTHON:-python3}
threads=${OMP_NUM_THREADS:-$(nproc)}
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} OMP_NUM_THREADS=$threads

field() {
  "$python" -c 'import json, sys
d = json.load(sys.stdin)
print("%.0f %.0f" % (d["bestImagesPerSecond"], d["medianImagesPerSecond"]))'
}
torch() { "$python" Benchmarks/pytorch_training.py --threads "$threads" --layout "$1" | field; }
signum() { .build/release/signum benchmark "$model" --json "$@" | field; }

echo "images/s, best / median of 20 steps of 128 images, $threads threads, OMP_WAIT_POLICY=$OMP_WAIT_POLICY"
for round in $(seq "$rounds"); do
  read -r ours our_median < <(signum)
  read -r coded coded_median < <(signum --method information-retention)
  read -r last last_median < <(torch channels_last)
  read -r plain plain_median < <(torch contiguous)
  ratio=$("$python" -c "print('%.2f / %.2f' % ($ours / $last, $our_median / $last_median))")
  echo "round $round: signum float $ours / $our_median, information-retention $coded / $coded_median;" \
    "PyTorch channels_last $last / $last_median, contiguous $plain / $plain_median;" \
    "signum float to channels_last $ratio"
done
