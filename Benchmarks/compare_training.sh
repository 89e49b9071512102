#!/usr/bin/env bash
# Times training steps in signum and in PyTorch, in turn, and prints a table of ratios.
#
#   Benchmarks/compare_training.sh          all networks, three rounds, on 1 and 2 threads
#
# Variables: NETWORKS, ROUNDS, THREADS, STEPS, and PYTHON, a Python with torch. Each round runs every side once before
# the next begins, so that all of them meet the same other load: trust ratios, not times. PyTorch runs with its images
# in both layouts and, on more than one thread, with threads that wait passively and actively; its best counts.
set -euo pipefail
cd "$(dirname "$0")/.."
networks=${NETWORKS:-resnet20 resnet18 mobilenetv2 lenet mlp vit-block}
rounds=${ROUNDS:-3}
threads=${THREADS:-1 2}
steps=${STEPS:-20}
python=${PYTHON:-python3}

if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
  echo "error: $python has no torch; make an environment with it and name its Python:" >&2
  echo "  python3 -m venv torch && torch/bin/pip install torch numpy    (a gigabyte or more)" >&2
  echo "  make benchmark-training PYTHON=torch/bin/python" >&2
  exit 1
fi
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

run() { # file, command...
  local file=$1
  shift
  echo "  $*" >&2
  OMP_NUM_THREADS=$count "$@" >"$results/$file.json"
}

for network in $networks; do
  for count in $threads; do
    for round in $(seq "$rounds"); do
      echo "$network, $count threads, round $round of $rounds" >&2
      place=$network.$count.$round
      run "$place.signum" .build/release/signum benchmark training "$network" --methods none --steps "$steps" --json
      for layout in channels_last contiguous; do
        for waiting in passive active; do
          if [ "$count" = 1 ] && [ "$waiting" = active ]; then continue; fi
          run "$place.torch.$layout.$waiting" env OMP_WAIT_POLICY=$waiting \
            "$python" Benchmarks/pytorch_training.py "$network" --layout "$layout" --threads "$count" --steps "$steps"
        done
      done
    done
  done
done
"$python" Benchmarks/training_table.py "$results"
