"""How many of the conformance cases onnxruntime itself passes, by the same rule as signum-conformance.

    pip install onnxruntime onnx numpy
    python3 Benchmarks/conformance/onnxruntime_cases.py .build/conformance/onnx/backend/test/data
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper


def tensor(path):
    return numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def outcome(place):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(place / "model.onnx"), options, providers=["CPUExecutionProvider"])
        for data in sorted(place.glob("test_data_set_*")):
            names = [declared.name for declared in session.get_inputs()]
            values = [tensor(data / f"input_{i}.pb") for i in range(len(list(data.glob("input_*.pb"))))]
            found = session.run(None, dict(zip(names, values)))
            for index, output in enumerate(found):
                expected = tensor(data / f"output_{index}.pb")
                exact = expected.dtype.kind in "iub"
                if expected.shape != np.shape(output):
                    return "fail"
                if not np.allclose(output, expected, 0 if exact else 1e-3, 0 if exact else 1e-5, equal_nan=True):
                    return "fail"
    except Exception:
        return "error"
    return "pass"


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    lines = (pathlib.Path(__file__).parent / "cases.txt").read_text().splitlines()
    counts = {}
    for line in lines:
        if not line.startswith("#"):
            result = outcome(folder / line.split(" ")[0])
            counts[result] = counts.get(result, 0) + 1
    print(onnxruntime.__version__, counts)
