#!/usr/bin/env python3
"""Joins what tools/bench_peers.sh measured: one row per workload, ours and theirs in ms (median of the rounds), and their ratio.

    compare.py FOLDER [--only NAMES] [--save FOLDER]
"""
import argparse
import collections
import datetime
import json
import pathlib
import re
import statistics

# Google Benchmark's names, without what it adds about the run, and the workloads of torch_peer.py and torch_gpu_peer.py.
OUR_NAMES = {
    "given/short": "given-short",
    "given/long": "given-long",
    "given_batch/graph": "given-batch",
    "linear_wide_f32/grad_w": "linear-wide_f32",
    "linear_wide_f32/grad_features": "linear-wide_f32_grad_features",
    "linear_wide_bf16/grad_w": "linear-wide_bf16",
    "linear_wide_bf16/grad_features": "linear-wide_bf16_grad_features",
    "relabel/f32": "relabel",
    "relabel/bf16": "relabel_bf16",
}


def workload_of(name):
    name = re.sub(r"/(iterations:\d+|real_time|manual_time)", "", name)
    return OUR_NAMES.get(name, name.removeprefix("training_step/"))


def collect(folder):
    """times[workload][who] = one time per round, in ms; errors[workload][who] = why there is none."""
    times, errors = collections.defaultdict(lambda: collections.defaultdict(list)), collections.defaultdict(dict)
    for path in sorted(folder.glob("ours.*")):
        text = path.read_text()
        for run in json.loads(text)["benchmarks"] if text else []:  # a program prints nothing where its filter takes nothing
            if run.get("run_type") == "aggregate":
                continue
            workload = workload_of(run["name"])
            if run.get("error_occurred"):
                errors[workload]["segpref"] = run["error_message"]
            else:
                times[workload]["segpref"].append(run["real_time"])  # the benches report milliseconds
    for path in sorted(folder.glob("theirs.*")):
        for line in path.read_text().splitlines():
            run = json.loads(line)
            who = f"{run['peer']} {run['variant']}"
            if "error" in run:
                errors[run["workload"]][who] = run["error"]
            else:
                times[run["workload"]][who].append(run["ms"])
    return times, errors


def cpu_name():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*:\s*(.+)", text)
    return re.sub(r"[^A-Za-z0-9]+", "-", found.group(1)).strip("-").lower() if found else "cpu"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--save", type=pathlib.Path)
    options = parser.parse_args()
    times, errors = collect(options.folder)
    peers = ("torch eager", "torch compile")
    print("| workload | segpref ms | " + " | ".join(f"{peer} ms | ratio" for peer in peers) + " |")
    print("|---|---|" + "---|---|" * len(peers))
    rows = []
    for workload in sorted(times):
        if options.only and not any(workload.startswith(word) for word in options.only.split(",")):
            continue
        if not any(times[workload][peer] for peer in peers):
            continue  # a bench without a peer
        median = {who: statistics.median(values) for who, values in times[workload].items() if values}
        cells = []
        for peer in peers:
            if peer in median and "segpref" in median:
                cells += [f"{median[peer]:.3f}", f"{median[peer] / median['segpref']:.2f}"]
            else:
                cells += [f"{median[peer]:.3f}" if peer in median else errors[workload].get(peer, "not run"), ""]
        print(f"| {workload} | {median.get('segpref', float('nan')):.3f} | " + " | ".join(cells) + " |")
        rows.append({"workload": workload, "median_ms": median, "rounds_ms": times[workload], "errors": errors[workload]})
    if options.save:
        options.save.mkdir(parents=True, exist_ok=True)
        path = options.save / f"{cpu_name()}-{datetime.date.today()}.json"
        path.write_text(json.dumps({"cpu": cpu_name(), "date": str(datetime.date.today()), "rows": rows}, indent=1) + "\n")
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
