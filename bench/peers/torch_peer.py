#!/usr/bin/env python3
"""The workloads of the benches in PyTorch on the CPU: eager, and torch.compile where it works. One JSON line per workload and variant.

Written as a careful user would: members in one batched product, ragged segments without padding (a cumulative sum, or index_add for short
ones), the fused Adam step, no synchronisation. Each workload is checked against its formula in float64 before it is timed. The tensors are
made on torch's default device: torch_gpu_peer.py runs the same workloads on a GPU.

    torch_peer.py [--only pebble,given-short] [--variants eager,compile] [--threads 2] [--seconds 2]
"""
import argparse
import json
import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F


def check(what, actual, expected, tolerance):
    error = (actual.double() - expected.double()).abs().max().item() / max(expected.double().abs().max().item(), 1e-30)
    if not error <= tolerance:
        raise SystemExit(f"{what}: off by {error:.2e} of the largest value, allowed {tolerance:.0e}")


def pair_loss(logits, labels):
    """Mean over pairs of the two-way cross-entropy; members are summed."""
    return F.binary_cross_entropy_with_logits(logits, labels.expand_as(logits), reduction="none").mean(-1).sum()


class Ensemble(torch.nn.Module):
    """MLPs feature_dim -> hidden... -> 1, every layer one batched product over members."""

    def __init__(self, feature_dim, hidden, members, tanh_output):
        super().__init__()
        widths = [feature_dim, *hidden, 1]
        bound = [1 / math.sqrt(n) for n in widths]
        self.weights = torch.nn.ParameterList(torch.empty(members, i, o).uniform_(-b, b) for i, o, b in zip(widths, widths[1:], bound))
        self.biases = torch.nn.ParameterList(torch.empty(members, 1, o).uniform_(-b, b) for o, b in zip(widths[1:], bound))
        self.tanh_output = tanh_output

    def forward(self, rows):  # [members or 1, rows, feature_dim] -> [members, rows]
        x = rows.expand(self.weights[0].shape[0], -1, -1)
        for layer, (w, b) in enumerate(zip(self.weights, self.biases)):
            x = torch.baddbmm(b, x, w)
            if layer + 1 < len(self.weights):
                x = F.leaky_relu(x, 0.01)
        x = x.squeeze(-1)
        return torch.tanh(x) if self.tanh_output else x


class LoopedEnsemble(torch.nn.Module):
    """The same network as members that are called one after the other, as most code of the field has it."""

    def __init__(self, feature_dim, hidden, members, tanh_output):
        super().__init__()
        widths = [feature_dim, *hidden, 1]

        def member():
            layers = []
            for i, o in zip(widths, widths[1:]):
                layers += [torch.nn.Linear(i, o), torch.nn.LeakyReLU(0.01)]
            return torch.nn.Sequential(*layers[:-1], *([torch.nn.Tanh()] if tanh_output else []))

        self.members = torch.nn.ModuleList(member() for _ in range(members))

    def forward(self, rows):  # [members or 1, rows, feature_dim] -> [members, rows]
        rows = rows.expand(len(self.members), -1, -1)
        return torch.stack([net(x).squeeze(-1) for net, x in zip(self.members, rows)])


def training_step(feature_dim, hidden, pairs, length, tanh_output, own_order, bf16=False, network=Ensemble):
    """One step of an ensemble of 3: a minibatch is gathered from a data set four times its size, as in every training loop. bf16: products under autocast."""
    members, data_pairs = 3, 4 * pairs
    data = torch.randn(data_pairs, 2, length, feature_dim)
    labels = torch.randint(0, 2, (data_pairs,)).float()
    order = torch.randint(0, data_pairs, (members if own_order else 1, pairs))
    model = network(feature_dim, hidden, members, tanh_output)
    on_gpu = data.is_cuda  # where the step may be captured in a graph
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.0, fused=True, capturable=on_gpu)

    def loss_of(net, features, targets):
        batch = features[order]  # [lists, pairs, 2, length, feature_dim]
        with torch.autocast(features.device.type, torch.bfloat16, enabled=bf16):
            rewards = net(batch.reshape(batch.shape[0], -1, feature_dim))
        scores = rewards.to(targets.dtype).reshape(members, pairs, 2, length).sum(-1)
        return pair_loss(scores[..., 1] - scores[..., 0], targets[order])

    def prepare(function):
        def step():
            optimizer.zero_grad(set_to_none=True)
            function(model, data, labels).backward()
            optimizer.step()
        return step

    def verify(function):
        model.zero_grad()
        function(model, data, labels).backward()
        wide = network(feature_dim, hidden, members, tanh_output).double()
        wide.load_state_dict({name: value.double() for name, value in model.state_dict().items()})
        loss_of(wide, data.double(), labels.double()).backward()
        flat = [torch.cat([p.grad.double().flatten() for p in net.parameters()]) for net in (model, wide)]
        check("gradient", *flat, 2e-1 if bf16 else 2e-2)  # pre-activations within rounding of leaky_relu's kink take the other slope

    return loss_of, prepare, verify


def lengths_to_segments(num_segments, mean_length):
    lengths = torch.randint(1, 2 * mean_length, (num_segments,))
    return torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)]), torch.repeat_interleave(torch.arange(num_segments), lengths)


def given(pairs, mean_length, by_index_add=False):
    """Loss and gradient of given step rewards: sums per segment by segment_reduce, the only ragged sum with a gradient that keeps f32's digits in a fixed order;
    or by index_add, whose order on a GPU is another one every time."""
    offsets, segment_of = lengths_to_segments(2 * pairs, mean_length)
    rewards = (0.1 * torch.randn(int(offsets[-1]))).requires_grad_()
    labels = torch.randint(0, 2, (pairs,)).float()

    def loss_of(step_rewards, targets):
        if by_index_add:
            scores = torch.zeros(2 * pairs).index_add(0, segment_of, step_rewards)
        else:
            scores = torch.segment_reduce(step_rewards, "sum", offsets=offsets, unsafe=True)  # unchecked: a look at the offsets would wait for a GPU
        scores = scores.reshape(pairs, 2)
        return pair_loss(scores[:, 1] - scores[:, 0], targets)

    def prepare(function):
        def step():
            rewards.grad = None
            function(rewards, labels).backward()
        return step

    def verify(function):
        rewards.grad = None
        function(rewards, labels).backward()
        scores = torch.zeros(2 * pairs, dtype=torch.double).index_add_(0, segment_of, rewards.detach().double()).reshape(pairs, 2)
        by_logit = (torch.sigmoid(scores[:, 1] - scores[:, 0]) - labels.double()) / pairs
        check("gradient", rewards.grad, torch.stack([-by_logit, by_logit], 1).reshape(-1)[segment_of], 1e-5)

    return loss_of, prepare, verify


def linear_wide(dtype, grad_features, pairs=64, feature_dim=4096, mean_length=512):
    """A linear head on wide features: the reward of every step by one product, then sums per segment."""
    offsets, segment_of = lengths_to_segments(2 * pairs, mean_length)
    features = torch.empty(int(offsets[-1]), feature_dim).uniform_(-1, 1).to(dtype).requires_grad_(grad_features)
    weight = (1e-3 * torch.randn(feature_dim)).to(dtype).requires_grad_()
    labels = torch.randint(0, 2, (pairs,)).float()

    def loss_of(rows, head, targets):
        scores = torch.zeros(2 * pairs).index_add(0, segment_of, (rows @ head).float()).reshape(pairs, 2)
        return pair_loss(scores[:, 1] - scores[:, 0], targets)

    def prepare(function):
        def step():
            weight.grad = features.grad = None
            function(features, weight, labels).backward()
        return step

    def verify(function):
        weight.grad = features.grad = None
        function(features, weight, labels).backward()
        head = weight.detach().double().requires_grad_()
        scores = torch.stack([features[offsets[s] : offsets[s + 1]].detach().double().sum(0) for s in range(2 * pairs)]) @ head
        scores = scores.reshape(pairs, 2)
        pair_loss(scores[:, 1] - scores[:, 0], labels.double()).backward()
        check("gradient of w", weight.grad, head.grad, 1e-4 if dtype == torch.float32 else 2e-1)  # a bf16 reward has 8 bits

    return loss_of, prepare, verify


def relabel(steps, chunk=8192, bf16=False):
    """Mean and deviation of the pebble ensemble over a replay buffer, in chunks: by default such as fit in a CPU's cache hierarchy. bf16: products under autocast."""
    model = Ensemble(30, [256, 256, 256], 3, True)
    rows = torch.randn(steps, 30)

    def predict(net, part):
        with torch.autocast(part.device.type, torch.bfloat16, enabled=bf16):
            rewards = net(part.unsqueeze(0))
        rewards = rewards.to(part.dtype)
        return rewards.mean(0), rewards.std(0, correction=0)

    def prepare(function):
        def step():
            with torch.inference_mode():
                for begin in range(0, steps, chunk):
                    function(model, rows[begin : begin + chunk])
        return step

    def verify(function):
        with torch.inference_mode():
            mean, deviation = function(model, rows[:chunk])
            wide = Ensemble(30, [256, 256, 256], 3, True).double()
            wide.load_state_dict({name: value.double() for name, value in model.state_dict().items()})
            exact_mean, exact_deviation = predict(wide, rows[:chunk].double())
        check("mean", mean, exact_mean, 5e-2 if bf16 else 1e-4)
        check("deviation", deviation, exact_deviation, 5e-2 if bf16 else 1e-4)

    return predict, prepare, verify


def step_of(feature_dim, hidden, pairs, length, tanh_output):
    return {order: lambda own=own: training_step(feature_dim, hidden, pairs, length, tanh_output, own) for order, own in (("shared", False), ("own_order", True))}


# name -> what makes (function that may be compiled, step around it, check of it)
WORKLOADS = {
    **{f"christiano_{k}": v for k, v in step_of(24, [64, 64], 64, 30, False).items()},
    **{f"pebble_{k}": v for k, v in step_of(30, [256] * 3, 128, 50, True).items()},
    **{f"unirlhf_{k}": v for k, v in step_of(23, [256] * 3, 64, 200, False).items()},
    "given-short": lambda: given(100_000, 50),
    "given-long": lambda: given(1_000, 5_000),
    "linear-wide_f32": lambda: linear_wide(torch.float32, False),
    "linear-wide_f32_grad_features": lambda: linear_wide(torch.float32, True),
    "linear-wide_bf16": lambda: linear_wide(torch.bfloat16, False),
    "linear-wide_bf16_grad_features": lambda: linear_wide(torch.bfloat16, True),
    "relabel": lambda: relabel(200_000),  # of the workload's million, as in the bench: the time is proportional
}


def milliseconds(step, seconds):
    """Median over runs of at least `seconds` together, after two warm-up runs."""
    step(), step()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times), min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default=",".join(WORKLOADS), help="names, or beginnings of names, of workloads, with commas")
    parser.add_argument("--variants", default="eager,compile")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="least time per measurement")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    wanted = options.only.split(",")
    for name, make in WORKLOADS.items():
        if not any(name.startswith(word) for word in wanted):
            continue
        for variant in options.variants.split(","):
            torch.manual_seed(0)
            function, prepare, verify = make()
            line = {"peer": "torch", "version": torch.__version__, "workload": name, "variant": variant, "threads": options.threads}
            try:
                if variant == "compile":
                    function = torch.compile(function, dynamic=False)
                verify(function)
                line["ms"], line["best_ms"] = milliseconds(prepare(function), options.seconds)
            except Exception as error:  # torch.compile does not take every operation: the line says so
                if variant != "compile":
                    raise
                line["error"] = str(error).strip().split("\n")[0][:160]
            print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
