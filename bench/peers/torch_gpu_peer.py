#!/usr/bin/env python3
"""The workloads of torch_peer.py on a GPU: eager, captured in a CUDA graph, under torch.compile, and compiled and captured. One JSON line per
workload and variant, with the median between CUDA events in microseconds; each is checked against its formula in float64 before it is timed.

    torch_gpu_peer.py [--only pebble,given-short] [--variants eager,graph,compile,compile_graph] [--seconds 0.3] [--limit 150]
    torch_gpu_peer.py --check-on-cpu     the checks alone, eager and small: needs no GPU

After --limit seconds nothing new is begun. Data stays where it is from call to call: what fits in the GPU's cache is read from there.
"""
import argparse
import gc
import json
import statistics
import sys
import time

import torch

from torch_peer import LoopedEnsemble, given, linear_wide, relabel, training_step

NO_GPU = "no GPU: torch.cuda finds none"


def workloads(small=False):
    """name -> what makes (function that may be compiled, step around it, check of it); small: for the checks, where nothing is timed."""
    pairs, wide = (8, {"pairs": 3, "feature_dim": 64, "mean_length": 20}) if small else (None, {})
    steps = {
        "christiano": (24, [64, 64], pairs or 64, 30, False),
        "pebble": (30, [256] * 3, pairs or 128, 50, True),
        "unirlhf": (23, [256] * 3, pairs or 64, 200, False),
    }
    made = {"given-batch": lambda: given(128, 50)}
    for name, count, mean_length in (("given-short", 100_000, 50), ("given-long", 1_000, 5_000)):
        for suffix, by_index_add in (("", False), ("_index_add", True)):
            made[name + suffix] = lambda count=pairs or count, length=mean_length, add=by_index_add: given(count, length, add)
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        for suffix, grad_features in (("", False), ("_grad_features", True)):
            made[f"linear-wide_{name}{suffix}"] = lambda dtype=dtype, grad=grad_features: linear_wide(dtype, grad, **wide)
    for name, shape in steps.items():
        for order, own in (("shared", False), ("own_order", True)):
            for suffix, bf16 in (("", False), ("_bf16", True)):
                made[f"{name}_{order}{suffix}"] = lambda shape=shape, own=own, bf16=bf16: training_step(*shape, own, bf16)
        made[f"{name}_shared_looped"] = lambda shape=shape: training_step(*shape, False, network=LoopedEnsemble)
    # 10 of the workload's 100 million steps: the time is proportional.
    for suffix, bf16 in (("", False), ("_bf16", True)):
        made["relabel" + suffix] = lambda bf16=bf16: relabel(20_000, bf16=bf16) if small else relabel(10_000_000, 1 << 20, bf16)
    return made


def captured(step):
    """A step that launches a CUDA graph of what `step` does. As PyTorch asks: some runs on another stream first, so that nothing is set up in the capture."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def microseconds(step, seconds):
    """Median and best of samples for at least `seconds` together; a sample is as many steps between two events as last two milliseconds."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def sample(num_steps):
        begin.record()
        for _ in range(num_steps):
            step()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e3 / num_steps

    sample(2)
    num_steps = max(1, min(200, round(2e3 / sample(2))))
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < seconds:
        times.append(sample(num_steps))
    return statistics.median(times), min(times)


def measure(make, variant, seconds):
    torch.manual_seed(0)
    function, prepare, verify = make()
    if variant.startswith("compile"):
        torch._dynamo.reset()
        function = torch.compile(function, dynamic=False)
    verify(function)
    step = prepare(function)
    return microseconds(captured(step) if variant.endswith("graph") else step, seconds)


def check_on_cpu():
    for name, make in workloads(small=True).items():
        torch.manual_seed(0)
        function, _, verify = make()
        verify(function)
        print(f"{name}: agrees with its formula in float64")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="names, or beginnings of names, of workloads, with commas")
    parser.add_argument("--variants", default="eager,graph,compile,compile_graph")
    parser.add_argument("--seconds", type=float, default=0.3, help="least time per measurement")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds after which nothing new is begun")
    parser.add_argument("--check-on-cpu", action="store_true")
    options = parser.parse_args()
    if options.check_on_cpu:
        check_on_cpu()
        return 0
    if not torch.cuda.is_available():
        print(f"torch_gpu_peer: {NO_GPU}", file=sys.stderr)
        return 1
    torch.set_default_device("cuda")
    start, failed = time.perf_counter(), False
    for variant in options.variants.split(","):  # compilation is slow: what needs none comes first
        for name, make in workloads().items():
            if not any(name.startswith(word) for word in options.only.split(",")):
                continue
            line = {"peer": "torch", "version": torch.__version__, "gpu": torch.cuda.get_device_name(), "workload": name, "variant": variant}
            if time.perf_counter() - start > options.limit:
                line["error"] = "not run: the time was up"
            else:
                try:
                    line["us"], line["best_us"] = measure(make, variant, options.seconds)
                except (Exception, SystemExit) as error:  # a check that fails, or what torch.compile or a capture does not take: the line says so
                    line["error"] = str(error).strip().split("\n")[0][:160]
                    failed = failed or variant == "eager"
            print(json.dumps(line), flush=True)
            gc.collect()
            torch.cuda.empty_cache()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
