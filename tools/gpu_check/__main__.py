"""Builds, tests and measures segpref's CUDA back end on this machine's GPU. Needs nvcc, CMake and ninja; compute-sanitizer and PyTorch where they
are there. Writes OUT/gpu_check.json and OUT/gpu_check.txt after every step, so that a run that is cut off keeps what it had.

Exit code: 0 all passed or unavailable here, 1 a step failed or ran out of time, 2 wrong usage, 3 no GPU.
"""
import argparse
import pathlib
import sys
import time

import machine
import steps
from results import Results
from runner import Runner

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(prog="tools/gpu_check.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="folder of the results; made where it is missing")
    parser.add_argument("--deps", type=pathlib.Path, metavar="DIR", help="Debian's -dev packages and the libraries they need, unpacked there (dpkg -x PACKAGE DIR)")
    parser.add_argument("--arch", metavar="90", help="compile for this architecture instead of the GPU's own")
    parser.add_argument("--only", metavar="STEP", action="append", choices=list(steps.STEPS), help=f"repeat this step, keeping the others' results: {', '.join(steps.STEPS)}")
    parser.add_argument("--limit", type=float, default=570, metavar="SECONDS", help="for everything; steps that it leaves no time for are not run (default 570)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/gpu", metavar="DIR", help="build folder (default build/gpu)")
    parser.add_argument("--python", default="python3", metavar="PROGRAM", help="the Python that has PyTorch (default python3)")
    options = parser.parse_args()
    if options.deps and not (options.deps / "usr").is_dir():
        parser.error(f"--deps {options.deps}: there is no folder usr in it")
    return options


def main():
    options = arguments()
    try:
        gpu = machine.find_gpu()
    except machine.NoGpu as problem:
        print(f"gpu_check: no GPU: {problem}", file=sys.stderr)
        return 3
    setup = steps.Setup(ROOT, options.build.resolve(), options.arch or gpu["arch"], options.python, options.deps.resolve() if options.deps else None)
    results = Results(options.out, gpu, keep=bool(options.only))
    deadline = time.monotonic() + options.limit
    wanted = options.only or list(steps.STEPS)
    for name in wanted:
        step = steps.STEPS[name]
        left = deadline - time.monotonic()
        print(f"gpu_check: {name} ...", flush=True)
        outcome = step.take(setup, Runner(min(step.limit_s, left))) if left > 5 else steps.Outcome("not run", "the time was up")
        results.add(name, outcome)
        print(f"gpu_check: {name}: {outcome.result}: {outcome.summary}", flush=True)
    print(results.table())
    return 0 if all(results.result_of(name) in ("passed", "unavailable") for name in wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
