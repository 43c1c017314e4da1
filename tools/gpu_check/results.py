"""One JSON file and one text table, written anew after every step."""
import datetime
import json
import os

from comparison import compare

TAIL_LINES = 60  # of what a step printed that did not pass


class Results:
    def __init__(self, folder, gpu, keep):
        """keep: begin with the results that are there, to repeat single steps."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.json_path, self.table_path = folder / "gpu_check.json", folder / "gpu_check.txt"
        self.data = {"gpu": gpu, "steps": {}}
        if keep and self.json_path.exists():
            kept = json.loads(self.json_path.read_text())
            if kept["gpu"]["name"] == gpu["name"]:  # another GPU's results are no part of this run
                self.data["steps"] = kept["steps"]
        self.write()

    def add(self, name, outcome):
        self.data["steps"][name] = {
            "result": outcome.result,
            "summary": outcome.summary,
            "seconds": round(outcome.seconds, 1),
            "limit_s": round(outcome.limit_s, 1),
            "ended": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "detail": outcome.detail,
            "output_tail": outcome.output.splitlines()[-TAIL_LINES:],
        }
        self.write()

    def result_of(self, name):
        return self.data["steps"][name]["result"]

    def rows_of(self, step):
        return self.data["steps"].get(step, {}).get("detail", {}).get("rows", [])

    def write(self):
        self.data["comparison"] = compare(self.rows_of("benches"), self.rows_of("torch"))
        for path, text in ((self.json_path, json.dumps(self.data, indent=1) + "\n"), (self.table_path, self.table() + "\n")):
            partial = path.with_name(path.name + ".partial")
            partial.write_text(text)
            os.replace(partial, path)

    def table(self):
        gpu = self.data["gpu"]
        lines = [f"{gpu['name']}, sm_{gpu['arch']}, driver {gpu['driver_version']}, {gpu['memory.total']}", ""]
        lines += columns([["step", "result", "s", "limit", "summary"]] + [
            [name, step["result"], f"{step['seconds']:.0f}", f"{step['limit_s']:.0f}", step["summary"]] for name, step in self.data["steps"].items()])
        rows = [["workload", "segpref us", "floor us", "share", "limit", "peers: us (their time / ours)"]]
        for workload, entry in self.data["comparison"].items():
            ours = entry["segpref"]
            rows.append([workload, number(ours.get("median_us"), 1) or ours.get("error", ""), number(ours.get("floor_us"), 1), number(ours.get("share"), 2),
                         limit(ours), "; ".join(peer_words(who, peer) for who, peer in entry["peers"].items())])
        return "\n".join(lines + ([""] + columns(rows) if len(rows) > 1 else []))


def limit(counters):
    """What a row's floor was taken from."""
    if "matrix_TFLOPs" in counters:
        return f"{counters['matrix_TFLOPs']:.0f} TFLOP/s"
    copy = max(counters.get("memcpy_GBps", 0), counters.get("copy_kernel_GBps", 0))
    return f"{copy:.0f} GB/s" if copy else ""


def number(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


def peer_words(who, peer):
    if peer.get("us") is None:
        return f"{who}: {peer['error']}"
    return f"{who} {peer['us']:.1f}" + ("" if peer["ratio"] is None else f" ({peer['ratio']:.2f})")


def columns(rows):
    """Rows of words as lines whose columns stand below each other."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]
