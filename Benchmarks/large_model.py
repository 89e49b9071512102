"""Writes an ONNX file of random weights, and measures what PyPI onnx makes of it.

    python Benchmarks/large_model.py write OUTPUT.onnx GIGABYTES [inside]
    python Benchmarks/large_model.py read FILE.onnx

The data lie beside the model, or inside: matrices of 4096 x 4096, 4096 x 11008 and 11008 x 4096, as language models of
seven thousand million weights have them.
"""

import pathlib
import resource
import sys
import time

import numpy
import onnx
from onnx import TensorProto, helper

SHAPES = [[4096, 4096], [4096, 11008], [11008, 4096]]


def write(output, wanted, is_inside):
    noise = numpy.random.default_rng(1).standard_normal(4096 * 11008 + 4096, numpy.float32) * 0.02
    constants, nodes, offset = [], [], 0
    data = None if is_inside else open(str(output) + ".data", "wb")
    while offset < wanted:
        index = len(constants)
        shape = SHAPES[index % len(SHAPES)]
        count = shape[0] * shape[1]
        numbers = noise[index % 4096:index % 4096 + count].tobytes()
        tensor = TensorProto(name=f"w{index}", data_type=TensorProto.FLOAT, dims=shape)
        if is_inside:
            tensor.raw_data = numbers
        else:
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in [("location", output.name + ".data"), ("offset", offset), ("length", count * 4)]:
                tensor.external_data.add(key=key, value=str(value))
            data.write(numbers)
        constants.append(tensor)
        before = f"y{index - 1}" if index else "x"
        nodes.append(helper.make_node("MatMul", [before, f"w{index}"], [f"y{index}"], name=f"product{index}"))
        offset += count * 4
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4096])
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "large", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    output.write_bytes(model.SerializeToString())


def read(path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, began = time.monotonic(), time.process_time()
    model = onnx.load(path)
    seconds, processor = time.monotonic() - start, time.process_time() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"onnx {onnx.__version__}: {len(model.graph.initializer)} tensors in {seconds:.2f} s, "
          f"{processor:.2f} s of processor time, {after / 1024:.0f} MiB of memory, {before / 1024:.0f} before")


def main():
    if len(sys.argv) >= 4 and sys.argv[1] == "write":
        write(pathlib.Path(sys.argv[2]), float(sys.argv[3]) * 1e9, sys.argv[4:] == ["inside"])
    elif len(sys.argv) == 3 and sys.argv[1] == "read":
        read(sys.argv[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
