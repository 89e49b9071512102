"""Times the same training step in PyTorch: ResNet-20 on 32x32 images, forward, backward, SGD with momentum.

    pip install torch
    python3 Benchmarks/pytorch_training.py [--batch 128] [--steps 20] [--threads 2] [--layout channels_last|contiguous]

Prints one JSON object. `make benchmark-training` runs it in turn with `signum benchmark`.
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm and a parameter-free shortcut (option A)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.extra = (outputs - inputs) // 2

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        if self.extra:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra, self.extra))
        return F.relu(y + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        blocks = []
        inputs = 16
        for outputs, stride in [(16, 1), (32, 2), (64, 2)]:
            for index in range(3):
                blocks.append(Block(inputs, outputs, stride if index == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = self.blocks(F.relu(self.norm(self.conv(x))))
        return self.head(x.mean((2, 3)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layout", choices=["channels_last", "contiguous"], default="channels_last")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    layout = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
    model = ResNet20().to(memory_format=layout).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    images = torch.rand(options.batch, 3, 32, 32).to(memory_format=layout) * 2 - 1
    labels = torch.arange(options.batch) % 10
    seconds = []
    for step in range(3 + options.steps):
        start = time.perf_counter()
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step >= 3:
            seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "torch": torch.__version__, "layout": options.layout, "threads": options.threads, "batch": options.batch,
        "bestImagesPerSecond": options.batch / min(seconds),
        "medianImagesPerSecond": options.batch / statistics.median(seconds),
    }))


if __name__ == "__main__":
    main()
