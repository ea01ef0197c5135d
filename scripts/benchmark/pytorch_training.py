"""The peer of `npm run benchmark -- training`: the same training steps in PyTorch.

Reads one JSON line {"layers": [...], "batch": 64, "threads": 2}, builds that network, and then for every line with a
number of steps takes them and prints the seconds that they took. Layers are those of src/emotion/architectures.ts.
"""

import json
import sys
import time

import torch
from torch import nn


def build(layers, channels=1, side=48):
    """A list of layers as a module, with the weights at random."""
    modules = []
    flat = False
    for layer in layers:
        kind = layer["kind"]
        if kind == "conv":
            kernel, stride = layer["kernel"], layer.get("stride", 1)
            if layer.get("padding", "same") != "same" or stride != 1 or kernel % 2 == 0:
                raise SystemExit(f"the comparison has no {layer}")
            modules.append(nn.Conv2d(channels, layer["filters"], kernel, padding=kernel // 2, bias=layer.get("bias", False)))
            channels = layer["filters"]
        elif kind == "batchNorm":
            normalisation = nn.BatchNorm1d if flat else nn.BatchNorm2d
            modules.append(normalisation(channels, eps=1e-3, momentum=0.1))
        elif kind == "relu":
            modules.append(nn.ReLU(inplace=True))
        elif kind == "maxPool":
            modules.append(nn.MaxPool2d(layer["size"], layer.get("stride", layer["size"])))
            side = (side - layer["size"]) // layer.get("stride", layer["size"]) + 1
        elif kind == "globalAveragePool":
            modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            side, flat = 1, True
        elif kind == "flatten":
            modules.append(nn.Flatten())
            channels, side, flat = channels * side * side, 1, True
        elif kind == "dropout":
            modules.append(nn.Dropout(layer["rate"]))
        elif kind == "dense":
            modules.append(nn.Linear(channels, layer["units"], bias=layer.get("bias", True)))
            channels = layer["units"]
        elif kind != "softmax":  # cross_entropy takes what goes into the softmax
            raise SystemExit(f"the comparison has no {layer}")
    return nn.Sequential(*modules)


def main():
    options = json.loads(sys.stdin.readline())
    torch.set_num_threads(options["threads"])
    torch.manual_seed(1)
    network = build(options["layers"]).train()
    kernels = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    groups = [{"params": kernels, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0}]
    optimizer = torch.optim.SGD(groups, lr=0.01, momentum=0.9, nesterov=True)
    x = torch.randn(options["batch"], 1, 48, 48)
    y = torch.softmax(torch.randn(options["batch"], 7), 1)
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            optimizer.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
            loss.item()
        print(time.perf_counter() - start, flush=True)


main()
