"""Times the training steps of `signum benchmark training` in PyTorch: forward, backward, SGD with momentum, float32.

    pip install torch numpy
    python3 Benchmarks/pytorch_training.py [NETWORK ...] [--threads 2] [--layout channels_last|contiguous] [--steps 20]

Prints one JSON object, with the fields of `signum benchmark training --json`. `make benchmark-training` runs the two in
turn. One network a run says most exactly what memory a step takes.
"""
import argparse
import json
import os
import resource
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(f"error: {sys.executable} has no torch: install it with '{sys.executable} -m pip install torch numpy'")

from pytorch_networks import NETWORKS, draw_parameters, drawn_batch

WARM_UP = 3


def timed(name, options):
    network, shape, batch, classes = NETWORKS[name]
    batch = options.batch or batch
    layout = torch.contiguous_format
    if options.layout == "channels_last" and len(shape) == 3:
        layout = torch.channels_last
    model = draw_parameters(network()).to(memory_format=layout).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    images, labels = drawn_batch(shape, batch, classes)
    images = images.contiguous(memory_format=layout)
    seconds, processor_seconds = [], []
    for step in range(WARM_UP + options.steps):
        before, start = time.process_time(), time.perf_counter()
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step >= WARM_UP:
            seconds.append(time.perf_counter() - start)
            processor_seconds.append(time.process_time() - before)
    return {
        "network": name, "method": "float", "batch": batch, "layout": options.layout,
        "bestImagesPerSecond": batch / min(seconds), "medianImagesPerSecond": batch / statistics.median(seconds),
        "medianProcessorSeconds": statistics.median(processor_seconds),
        "peakMemoryBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--layout", choices=["channels_last", "contiguous"], default="channels_last")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    unknown = [name for name in options.networks if name not in NETWORKS]
    if unknown:
        parser.error(f"no network is named {', '.join(unknown)}: there are {', '.join(NETWORKS)}")
    torch.set_num_threads(options.threads)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "version": torch.__version__, "threads": options.threads, "steps": options.steps,
        "waiting": os.environ.get("OMP_WAIT_POLICY", "active"), "memoryBeforeBytes": memory,
        "results": [timed(name, options) for name in options.networks],
    }))


if __name__ == "__main__":
    main()
