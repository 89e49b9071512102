"""Real networks through the importer: what onnxruntime computes for them, laid out for `signum-conformance --models`.

    pip install torch torchvision transformers onnx onnxscript onnxruntime
    python3 Benchmarks/real_models.py FOLDER [--files FOLDER ...] [NAME ...]
    .build/release/signum-conformance FOLDER FOLDER/cases.txt FOLDER/failures.txt --models

Networks are exported with random weights by both exporters of PyTorch; files that are there already come with `--files`. Names choose among the networks; `none` leaves them all out.
Inputs are drawn with seed 1 for the shapes that the file declares, an open axis being what `OPEN` says. The batch is 1.
"""

import argparse
import pathlib
import shutil
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

# Sizes of open axes beside the batch, by file.
OPEN = {
    "rapidocr_ch_PP-OCRv4_det_infer": {2: 64, 3: 96},
    "rapidocr_ch_ppocr_mobile_v2.0_cls_infer": {2: 48, 3: 192},
    "silero_vad_16k_op15": {1: 576},  # of its input; its state is [2, 1, 128]
    "basic_pitch_nmp": {1: 43844},
    "magika_standard_v3_3": {1: 2048},
    "tract_byte_bidi_lstm": {1: 12},
}


class Logits(torch.nn.Module):
    """What a network of transformers returns first, so that exporters see tensors alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, ids, mask):
        return self.network(input_ids=ids, attention_mask=mask)[0]


class FirstOutput(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        y = self.network(x)
        return y if isinstance(y, torch.Tensor) else y[0]


def vision(name, size=224, **options):
    import torchvision

    network = getattr(torchvision.models, name)(weights=None, **options)
    return FirstOutput(network), (torch.randn(1, 3, size, size),)


def language(name):
    import transformers as t

    ids = torch.randint(0, 100, (1, 12))
    mask = torch.ones(1, 12, dtype=torch.int64)
    mask[0, 9:] = 0 if name == "bert" else 1
    small = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, vocab_size=100)
    if name == "bert":
        network = t.BertModel(t.BertConfig(**small))
    elif name == "distilbert":
        network = t.DistilBertModel(t.DistilBertConfig(dim=64, n_layers=2, n_heads=4, hidden_dim=128, vocab_size=100))
    elif name == "gpt2":
        network = t.GPT2LMHeadModel(t.GPT2Config(n_embd=64, n_layer=2, n_head=4, vocab_size=100, use_cache=False))
    else:
        network = t.LlamaForCausalLM(t.LlamaConfig(num_key_value_heads=2, use_cache=False, **small))
    return Logits(network), (ids, mask)


NETWORKS = {
    "resnet18": lambda: vision("resnet18"),
    "resnet18_96": lambda: vision("resnet18", 96),
    "resnet50": lambda: vision("resnet50"),
    "vgg11_bn": lambda: vision("vgg11_bn"),
    "vgg11_bn_64": lambda: vision("vgg11_bn", 64),
    "vgg11_bn_256": lambda: vision("vgg11_bn", 256),
    "squeezenet1_1": lambda: vision("squeezenet1_1"),
    "mobilenet_v2": lambda: vision("mobilenet_v2"),
    "mobilenet_v3_small": lambda: vision("mobilenet_v3_small"),
    "shufflenet_v2_x1_0": lambda: vision("shufflenet_v2_x1_0"),
    "densenet121": lambda: vision("densenet121"),
    "efficientnet_b0": lambda: vision("efficientnet_b0"),
    "googlenet": lambda: vision("googlenet", aux_logits=False, init_weights=False),
    "convnext_tiny": lambda: vision("convnext_tiny"),
    "vit_b_16": lambda: vision("vit_b_16"),
    "swin_t": lambda: vision("swin_t"),
    "bert": lambda: language("bert"),
    "distilbert": lambda: language("distilbert"),
    "gpt2": lambda: language("gpt2"),
    "llama": lambda: language("llama"),
}


def export(name, exporter, place):
    torch.manual_seed(1)
    network, inputs = NETWORKS[name]()
    # The head of a vision transformer begins with zeros, which would compare nothing.
    for parameter in network.parameters():
        if parameter.ndim == 2 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    # Statistics of batch norms that are not 0 and 1, so that leaving them out would be seen.
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    path = str(place / "model.onnx")
    with torch.no_grad():
        if exporter == "ts":
            torch.onnx.export(network.eval(), inputs, path, dynamo=False, opset_version=17)
        else:
            torch.onnx.export(network.eval(), inputs, path, dynamo=True, external_data=True, verbose=False)
    return [x.numpy() for x in inputs]


def drawn(session, name):
    """Inputs for what a file declares."""
    generator = np.random.default_rng(1)
    if "det_infer" in name:
        # Of noise it makes 4e-7 everywhere, and onnxruntime differs from itself: strokes like those of letters are found.
        page = np.ones((1, 3, 160, 160), np.float32)
        for row in range(30, 140, 40):
            for column in range(12, 150, 12):
                strokes = (generator.uniform(size=(5, 3)) > 0.45).repeat(4, 0).repeat(3, 1)
                page[:, :, row:row + 20, column:column + 9][:, :, strokes] = -1
        return [page]
    values = []
    for declared in session.get_inputs():
        if declared.name == "state":
            values.append(generator.uniform(-1, 1, (2, 1, 128)).astype(np.float32))
            continue
        sizes = [
            d if isinstance(d, int) and d > 0 else OPEN.get(name, {}).get(axis, 1)
            for axis, d in enumerate(declared.shape)
        ]
        if declared.type == "tensor(float)":
            values.append(generator.uniform(-1, 1, sizes).astype(np.float32))
        elif "int64" in declared.type:
            # The only one that is no token is a rate.
            values.append(np.array(16000) if not sizes else generator.integers(0, 100, sizes))
        elif declared.type == "tensor(uint8)":
            values.append(generator.integers(0, 100, sizes).astype(np.uint8))
        elif "int32" in declared.type:
            values.append(generator.integers(0, 100, sizes).astype(np.int32))
        else:
            raise ValueError(f"{name}: input {declared.name} of {declared.type}")
    return values


def write_case(place, name, inputs=None):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(place / "model.onnx"), options, providers=["CPUExecutionProvider"])
    values = inputs if inputs is not None else drawn(session, name)
    names = [declared.name for declared in session.get_inputs()]
    outputs = session.run(None, dict(zip(names, values)))
    data = place / "test_data_set_0"
    data.mkdir(exist_ok=True)
    for kind, numbers in [("input", values), ("output", outputs)]:
        for index, value in enumerate(numbers):
            (data / f"{kind}_{index}.pb").write_bytes(numpy_helper.from_array(np.asarray(value)).SerializeToString())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--files", nargs="*", type=pathlib.Path, default=[])
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    cases = []
    for folder in arguments.files:
        for path in sorted(folder.glob("*.onnx")):
            place = arguments.folder / path.stem
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place / "model.onnx")
            try:
                write_case(place, path.stem)
            except Exception as error:  # the importer shall still say what it says
                print(f"{path.stem}: onnxruntime: {str(error)[:200]}", flush=True)
            cases.append(path.stem)
    for name in NETWORKS:
        for exporter in ["ts", "dynamo"]:
            case = f"{name}_{exporter}"
            if arguments.names and case not in arguments.names and name not in arguments.names:
                continue
            place = arguments.folder / case
            place.mkdir(parents=True, exist_ok=True)
            try:
                write_case(place, case, export(name, exporter, place))
                cases.append(case)
            except Exception as error:
                print(f"{case}: not exported: {str(error)[:200]}", flush=True)
    listed = []
    for case in cases:
        model = onnx.load(arguments.folder / case / "model.onnx", load_external_data=False)
        operators = sorted({node.op_type for node in model.graph.node})
        listed.append(f"{case} {','.join(operators)}\n")
    (arguments.folder / "cases.txt").write_text("".join(listed))


if __name__ == "__main__":
    main()
