"""PyTorch, eager, with its fused Adam; rows are scaled beforehand."""

from typing import Any

import torch

from benchmarks.frameworks import Steps
from benchmarks.workload import LEARNING_RATE, Workload


def build_steps(work: Workload) -> Steps:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data, batch, done = work.data, work.batch, 0
    x, y, order = torch.from_numpy(data.scaled), torch.from_numpy(data.labels), torch.from_numpy(data.order)
    if work.filters:
        x = x.reshape(-1, 1, 28, 28)
    model, loss = _model(work), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    batches = len(y) // batch

    def steps(count: int) -> list[float]:
        nonlocal done
        losses = []
        for number in range(done, done + count):
            rows = order[number % batches * batch :][:batch]
            optimizer.zero_grad()
            value = loss(model(x[rows]), y[rows])
            value.backward()
            optimizer.step()
            losses.append(value.item())
        done += count
        return losses

    return steps


def _model(work: Workload) -> Any:
    nn, layers = torch.nn, list[Any]()
    channels, side = 1, round(work.widths[0] ** 0.5)
    for filters in work.filters:
        layers += [nn.Conv2d(channels, filters, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2)]
        channels, side = filters, side // 2
    if work.filters:
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, work.widths[-1]))
    weights = work.weights()
    for index, (weight, bias) in enumerate(weights):
        last = index == len(weights) - 1
        normalised = work.regularised and not last
        linear = nn.Linear(weight.shape[0], weight.shape[1], bias=not normalised)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T))
            if not normalised:
                linear.bias.copy_(torch.from_numpy(bias))
        layers.append(linear)
        if not last:
            layers += [nn.BatchNorm1d(weight.shape[1])] * work.regularised + [nn.ReLU()]
            layers += [nn.Dropout(work.dropout)] * bool(work.regularised and work.dropout)
    return nn.Sequential(*layers)
