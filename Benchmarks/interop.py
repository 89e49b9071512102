"""Runs packed models as ONNX in other runtimes and compares with the packed runner.

    Benchmarks/interop.py SIGNUM FILE.signum…

SIGNUM is the built program. Needs PyPI numpy and onnxruntime; openvino, opencv-python-headless and tract are tried
where they are installed. Exits with 1 where onnxruntime differs, or a file is larger than it may be.
"""

import importlib.metadata
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

# Largest difference to the packed runner, as a share of the largest output.
TOLERANCE = 1e-4
# A ResNet-20 whose inner layers are bits must be below 100 KB in portable ONNX.
LARGEST = {"resnet20.xnor": 100_000, "resnet20.group": 100_000, "resnet20.information": 100_000}
FORMATS = ["onnx", "onnx-compact"]


def with_onnxruntime(path, name, x):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Sums of floats, not of activations rounded to 8 bits: the file says so.
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {name: x})[0]


def with_openvino(path, name, x):
    import openvino

    core = openvino.Core()
    model = core.compile_model(path, "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    return model({name: x})[0]


def with_opencv(path, name, x):
    import cv2

    network = cv2.dnn.readNetFromONNX(path)
    network.setInput(x, name)
    return network.forward()


def with_tract(path, name, x):
    import tract

    return tract.onnx().load(path).into_model().into_runnable().run([x])[0].to_numpy()


# By the name of the package on PyPI.
RUNTIMES = {
    "onnxruntime": with_onnxruntime, "openvino": with_openvino, "opencv-python-headless": with_opencv,
    "tract": with_tract,
}


def versions():
    found = {}
    for name in RUNTIMES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def inspect(signum, packed):
    text = subprocess.run([signum, "inspect", "--json", packed], check=True, capture_output=True).stdout
    return json.loads(text)


def compare(signum, packed, folder, runtimes):
    """Rows of the table for one packed file, and what is wrong."""
    found = inspect(signum, packed)
    shape = found["inputShape"][1:]
    x = numpy.random.default_rng(7).standard_normal([4, *shape]).astype(numpy.float32)
    numpy.save(folder / "x.npy", x)
    subprocess.run([signum, "run", packed, "--input", folder / "x.npy", "--output", folder / "y.npy"],
                   check=True, capture_output=True)
    expected = numpy.load(folder / "y.npy")
    stem = pathlib.Path(packed).stem
    for kind in FORMATS:
        path = str(folder / "model.onnx")
        subprocess.run([signum, "export", packed, "--format", kind, "-o", path], check=True, capture_output=True)
        size = pathlib.Path(path).stat().st_size
        row, problems = [stem, kind, str(pathlib.Path(packed).stat().st_size), str(size)], []
        for runtime in runtimes:
            try:
                actual = RUNTIMES[runtime](path, found["input"], x)
                difference = float(numpy.abs(actual.reshape(expected.shape) - expected).max())
                difference /= max(float(numpy.abs(expected).max()), 1e-30)
                row.append(f"{difference:.1e}")
                if not difference <= TOLERANCE and runtime == "onnxruntime":
                    problems.append(f"{stem}, {kind}: {runtime} differs by {difference:.1e}")
            except Exception as error:  # Whatever another runtime throws is its answer.
                row.append("refused")
                reason = re.sub(r"\s+", " ", str(error))[:300]
                print(f"{stem}, {kind}: {runtime}: {reason}", file=sys.stderr)
                if runtime == "onnxruntime":
                    problems.append(f"{stem}, {kind}: onnxruntime refuses it")
        for name, limit in LARGEST.items():
            if stem.startswith(name) and kind == "onnx" and size >= limit:
                problems.append(f"{stem}: {size} bytes, {limit} are allowed")
        yield row, problems


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    signum, files = sys.argv[1], sys.argv[2:]
    runtimes = versions()
    if "onnxruntime" not in runtimes:
        sys.exit("onnxruntime is missing: pip install onnxruntime, or name another Python with PYTHON=")
    names = [f"{name} {version}" for name, version in runtimes.items()]
    header = ["model", "format", "packed bytes", "ONNX bytes", *names]
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for packed in files:
            for row, wrong in compare(signum, packed, pathlib.Path(folder), runtimes):
                print("| " + " | ".join(row) + " |", flush=True)
                problems += wrong
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
