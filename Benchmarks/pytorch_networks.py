"""The networks of `signum benchmark training` in PyTorch, with the same weights.

Parameters are counted in the order of `named_parameters()`; number k is drawn by SplitMix64 exactly as
Sources/Workloads/LayerBuilder.swift draws it, so that both sides train the same network and no file is needed.
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mixed(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def stream_seed(seed, stream):
    """The seed that SplitMix64(seed:stream:) goes on with."""
    return mixed((seed + GOLDEN) & MASK) ^ (stream * 0xD6E8FEB86659FD93 & MASK)


def uniform(seed, count):
    """The first numbers of SplitMix64(seed:).uniform(), as float32."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def drawn(shape, seed, bound, centre=0.0):
    scaled = np.float32(bound) * (uniform(seed, int(np.prod(shape))) * np.float32(2) - np.float32(1))
    return torch.from_numpy((np.float32(centre) + scaled).reshape(shape))


def draw_parameters(model, seed=1):
    """Gives every parameter the values that signum gives it."""
    kinds = (nn.BatchNorm2d, nn.LayerNorm)
    norms = {name: module for name, module in model.named_modules() if isinstance(module, kinds)}
    for index, (name, parameter) in enumerate(model.named_parameters()):
        layer, kind = name.rsplit(".", 1)
        if layer in norms:
            bound, centre = 0.25, 1.0 if kind == "weight" else getattr(norms[layer], "shift", 0.0)
        elif kind == "bias":
            bound, centre = 0.1, 0.0
        else:
            bound, centre = np.sqrt(6 / np.prod(parameter.shape[1:])), 0.0
        with torch.no_grad():
            parameter.copy_(drawn(tuple(parameter.shape), stream_seed(seed, index), bound, centre))
    return model


def drawn_batch(shape, batch, classes, seed=2):
    """The images and labels that signum trains on."""
    return drawn((batch, *shape), seed, 1.0), torch.arange(batch) % classes


def convolution(inputs, outputs, size, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)


def norm(channels, shift=0.0):
    """A batch norm; `shift` is what its own is drawn around, 3 right before a rectifier."""
    result = nn.BatchNorm2d(channels)
    result.shift = shift
    return result


class Block(nn.Module):
    """Two 3 x 3 convolutions and what came in."""

    def __init__(self, inputs, outputs, stride, projects):
        super().__init__()
        self.conv1, self.bn1 = convolution(inputs, outputs, 3, stride), norm(outputs, 3)
        self.conv2, self.bn2 = convolution(outputs, outputs, 3), norm(outputs)
        self.side = 0 if projects else (outputs - inputs) // 2
        self.downsample = None
        if projects and inputs != outputs:
            self.downsample = nn.Sequential(convolution(inputs, outputs, 1, stride), norm(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        if self.downsample:
            x = self.downsample(x)
        elif self.side:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.side, self.side))
        return F.relu(y.add_(x), inplace=True)


def stages(widths, blocks, projects):
    result, inputs = [], widths[0]
    for index, outputs in enumerate(widths):
        layers = []
        for block in range(blocks):
            layers.append(Block(inputs, outputs, 2 if index > 0 and block == 0 else 1, projects))
            inputs = outputs
        result.append(nn.Sequential(*layers))
    return result


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = convolution(3, 16, 3), norm(16, 3)
        self.layer1, self.layer2, self.layer3 = stages([16, 32, 64], 3, projects=False)
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = convolution(3, 64, 7, 2), norm(64, 3)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages([64, 128, 256, 512], 2, projects=True)
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, 2, 1)
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


def rectified(inputs, outputs, size, stride=1, groups=1):
    return nn.Sequential(
        convolution(inputs, outputs, size, stride, groups), norm(outputs, 3), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.expand = rectified(inputs, hidden, 1) if expansion > 1 else nn.Identity()
        self.depthwise = rectified(hidden, hidden, 3, stride, hidden)
        self.project = nn.Sequential(convolution(hidden, outputs, 1), norm(outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.adds else y


class MobileNetV2(nn.Module):
    STAGES = [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]

    def __init__(self):
        super().__init__()
        layers, inputs = [rectified(3, 32, 3, 2)], 32
        for expansion, outputs, blocks, stride in self.STAGES:
            for block in range(blocks):
                layers.append(InvertedResidual(inputs, outputs, stride if block == 0 else 1, expansion))
                inputs = outputs
        layers.append(rectified(inputs, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x), inplace=True), 2)
        x = F.max_pool2d(F.relu(self.conv2(x), inplace=True), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x), inplace=True)), inplace=True))


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 1024), nn.Linear(1024, 1024), nn.Linear(1024, 10)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x), inplace=True)), inplace=True))


class TransformerBlock(nn.Module):
    """A block of ViT-Tiny and a classifier over the first token."""

    def __init__(self, features=192, heads=3):
        super().__init__()
        self.heads = heads
        self.norm1, self.qkv = nn.LayerNorm(features), nn.Linear(features, 3 * features)
        self.proj, self.norm2 = nn.Linear(features, features), nn.LayerNorm(features)
        self.fc1, self.fc2 = nn.Linear(features, 4 * features), nn.Linear(4 * features, features)
        self.head = nn.Linear(features, 10)

    def forward(self, x):
        batch, tokens, features = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        sums = F.scaled_dot_product_attention(*parts)
        x = x + self.proj(sums.transpose(1, 2).reshape(batch, tokens, features))
        x = x + self.fc2(F.gelu(self.fc1(self.norm2(x))))
        return self.head(x[:, 0])


# The class, the shape of one image, images a step, classes.
NETWORKS = {
    "resnet20": (ResNet20, (3, 32, 32), 128, 10),
    "resnet18": (ResNet18, (3, 224, 224), 16, 1000),
    "mobilenetv2": (MobileNetV2, (3, 96, 96), 32, 1000),
    "lenet": (LeNet, (1, 28, 28), 128, 10),
    "mlp": (Perceptron, (784,), 128, 10),
    "vit-block": (TransformerBlock, (197, 192), 16, 10),
}
