#!/usr/bin/env bash
# Times a training step of ResNet-20 in signum and in PyTorch, in turn, and prints each round with the ratio.
#
#   Benchmarks/compare_training.sh MODEL [ROUNDS]      (PYTHON names a Python with torch; default python3)
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:?name the ONNX file of ResNet-20, batch norm kept}
rounds=${2:-3}
python=${PYTHON:-python3}
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
field() { "$python" -c 'import json,sys; d=json.load(sys.stdin); print("%.0f %.0f" % (d["bestImagesPerSecond"], d["medianImagesPerSecond"]))'; }
echo "images/s, best and median of 20 steps of 128 images, $(nproc) threads, OMP_WAIT_POLICY=$OMP_WAIT_POLICY"
for round in $(seq "$rounds"); do
  read -r ours our_median < <(.build/release/signum benchmark "$model" --json | field)
  read -r coded coded_median < <(.build/release/signum benchmark "$model" --method information-retention --json | field)
  read -r last last_median < <("$python" Benchmarks/pytorch_training.py --threads "$(nproc)" | field)
  read -r plain plain_median < <("$python" Benchmarks/pytorch_training.py --threads "$(nproc)" --layout contiguous | field)
  echo "round $round: signum float $ours/$our_median, information-retention $coded/$coded_median," \
    "PyTorch channels_last $last/$last_median, contiguous $plain/$plain_median;" \
    "ratio to channels_last $("$python" -c "print('%.2f best, %.2f median' % ($ours/$last, $our_median/$last_median))")"
done
