# The system libraries that signum is built on: `make setup` installs what is missing.
SYSTEM_PACKAGES := libprotobuf-c-dev libhdf5-dev libdnnl-dev zlib1g-dev libjpeg-dev libpng-dev libsqlite3-dev pkg-config

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# Threads of the OpenMP pool that wait actively take the processor from the tests beside them.
export OMP_WAIT_POLICY := passive

.PHONY: help setup build test demo format clean interop fuzz

help:
	@echo "make demo    converts a pretrained network from fixtures/ to 1-bit weights and verifies it"
	@echo "make test    builds and runs all tests"
	@echo "make build   builds the command line: .build/release/signum"
	@echo "make format  formats the sources"
	@echo "make conformance  runs the test data of ONNX on the importer; PYTHON names a Python with pip"
	@echo "make fuzz    reads changed files with every reader, SECONDS=60 each"
	@echo "make interop runs packed models as ONNX in onnxruntime; PYTHON names a Python with it"
	@echo "make benchmark-training  times training steps against PyTorch; PYTHON names a Python with torch"

setup:
	@command -v swift >/dev/null || { echo "Install Swift 6.2 or later: https://www.swift.org/install"; exit 1; }
	@missing=$$(for package in $(SYSTEM_PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if command -v apt-get >/dev/null && { [ -z "$(SUDO)" ] || command -v sudo >/dev/null; }; then \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	else \
	  echo "Install these Debian packages as root, or what they are called on your system:" $$missing; exit 1; \
	fi

build: setup
	swift build -c release --product signum

test: setup
	swift test -c release

demo: build
	@mkdir -p demo
	.build/release/signum convert fixtures/demo/fashion_resnet8.onnx --method information-retention --epochs 12 \
	  --data fixtures/fashion-mnist --output demo/fashion_resnet8.signum

format:
	swift format format --in-place --recursive Sources Tests Package.swift

clean:
	rm -rf .build demo

# Training steps against PyTorch, for instance:
#   make benchmark-training PYTHON=torch/bin/python NETWORKS="resnet20 mlp" THREADS="1 2" ROUNDS=5
NETWORKS ?= resnet20 resnet18 mobilenetv2 lenet mlp vit-block
ROUNDS ?= 3
THREADS ?= 1 2
STEPS ?= 20
PYTHON ?= python3
.PHONY: benchmark-training
benchmark-training: build
	NETWORKS="$(NETWORKS)" ROUNDS="$(ROUNDS)" THREADS="$(THREADS)" STEPS="$(STEPS)" PYTHON="$(PYTHON)" \
	  Benchmarks/compare_training.sh

# The test data of ONNX, from the wheel of its package, which is unpacked and never imported. It passes where what does
# not pass is what Benchmarks/conformance/failures.txt says, for the reasons that stand there.
CONFORMANCE := .build/conformance
.PHONY: conformance
conformance: setup
	@if [ ! -d $(CONFORMANCE)/onnx ]; then \
	  mkdir -p $(CONFORMANCE) && \
	  $(PYTHON) -m pip download --quiet --no-deps --dest $(CONFORMANCE) onnx==1.22.0 && \
	  $(PYTHON) -m zipfile -e $(CONFORMANCE)/onnx-1.22.0*.whl $(CONFORMANCE); \
	fi
	swift build -c release --product signum-conformance
	.build/release/signum-conformance $(CONFORMANCE)/onnx/backend/test/data Benchmarks/conformance/cases.txt \
	  $(CONFORMANCE)/failures.txt || [ $$? -eq 2 ]
	diff Benchmarks/conformance/failures.txt $(CONFORMANCE)/failures.txt

# Packed models as ONNX in other runtimes, against the packed runner, for instance:
#   make interop PYTHON=onnx/bin/python PACKED="demo/fashion_resnet8.signum"
PACKED ?= $(wildcard formats/golden/*.signum fixtures/zoo/*.signum demo/*.signum)
interop: build
	$(PYTHON) Benchmarks/interop.py .build/release/signum $(PACKED)

# Changed files for every reader of files: what crashes or hangs one is kept in fuzz-findings/.
#   make fuzz SECONDS=600 SEED=2 TARGETS="onnx packed"
SECONDS := 60
SEED ?= 1
TARGETS ?=
.PHONY: signum-fuzz
signum-fuzz: setup
	swift build -c release --product signum-fuzz
fuzz: build signum-fuzz
	@failed=0; targets="$(TARGETS)"; for target in $${targets:-$$(.build/release/signum-fuzz list)}; do \
	  .build/release/signum-fuzz $$target --seconds $(SECONDS) --seed $(SEED) || failed=1; done; exit $$failed
