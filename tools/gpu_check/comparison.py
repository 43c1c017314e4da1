"""Our rows of a run beside those of PyTorch and of the toolkit's libraries in the same run."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/peers"))
from compare import workload_of  # noqa: E402  the table of bench/peers has the names

COUNTERS = ("median_us", "best_us", "floor_us", "share", "moved_MB", "memcpy_GBps", "copy_kernel_GBps", "GFLOP", "matrix_TFLOPs", "upload_ms", "first_epoch_ms", "kernels_us")
TOOLKIT = ("cub", "thrust")


def our_rows(rows):
    """workload -> its counters, or {'error': why there are none}."""
    ours = {}
    for row in rows:
        if row.get("run_type") == "aggregate":
            continue
        ours[workload_of(row["name"])] = {"error": row["error_message"]} if row.get("error_occurred") else {key: row[key] for key in COUNTERS if key in row}
    return ours


def compare(bench_rows, torch_rows):
    """One entry per workload: segpref's counters, and of every peer its time in us and ratio = its time / ours, or why there is none."""
    ours, compared = our_rows(bench_rows), {}

    def entry(workload):
        return compared.setdefault(workload, {"segpref": ours.get(workload, {"error": "not measured"}), "peers": {}})

    def peer(workload, who, time_us, error=None):
        mine = entry(workload)
        median = mine["segpref"].get("median_us")
        mine["peers"][who] = {"error": error} if time_us is None else {"us": time_us, "ratio": time_us / median if median else None}

    for workload, row in ours.items():
        base, _, who = workload.rpartition("_")
        if base.startswith("segment_sums/") and who in TOOLKIT:
            base_row = f"{base}_segpref"
            peer(base_row, who, row.get("median_us"), row.get("error"))
        else:
            entry(workload)
    for row in torch_rows:
        # The same workload by another of PyTorch's sums, or with members in a loop, is another peer.
        workload, way = row["workload"], ""
        for ending in ("_index_add", "_looped"):
            if workload.endswith(ending):
                workload, way = workload.removesuffix(ending), f" {ending[1:]}"
        peer(workload, f"torch {row['variant']}{way}", row.get("us"), row.get("error"))
    return compared
