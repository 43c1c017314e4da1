"""The steps: what each runs, how long it may take, and what its outcome says."""
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import typing

import machine
import parse

NO_TIME = "the time was up"


@dataclasses.dataclass
class Setup:
    root: pathlib.Path
    build: pathlib.Path
    arch: str
    python: str
    deps: pathlib.Path | None

    def environment(self):
        return machine.environment_with(self.deps)


@dataclasses.dataclass
class Outcome:
    result: str  # passed, failed, timed out, unavailable, not run
    summary: str
    detail: dict = dataclasses.field(default_factory=dict)
    output: str = ""  # of what did not pass
    seconds: float = 0.0
    limit_s: float = 0.0


@dataclasses.dataclass
class Step:
    limit_s: float
    work: typing.Callable  # (setup, runner) -> Outcome

    def take(self, setup, runner):
        """A step that cannot even run its commands has failed; the next one is taken all the same."""
        try:
            outcome = self.work(setup, runner)
        except (OSError, ValueError, KeyError) as error:
            outcome = Outcome("failed", f"{type(error).__name__}: {error}")
        outcome.seconds, outcome.limit_s = runner.seconds(), runner.limit_s
        return outcome


def of(finished, summary, detail=None):
    """Failed or timed out, with what was printed."""
    return Outcome("timed out" if finished.timed_out else "failed", NO_TIME if finished.timed_out else summary, detail or {}, finished.output)


def build(setup, runner):
    environment = setup.environment()
    configured = runner.run(
        ["cmake", "-S", setup.root, "-B", setup.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DSEGPREF_CUDA=ON", f"-DCMAKE_CUDA_ARCHITECTURES={setup.arch}-real",
         "-DSEGPREF_BUILD_APPS=OFF", "-DSEGPREF_BUILD_TESTS=ON", "-DSEGPREF_GPU_TESTS=ON", "-DSEGPREF_BUILD_BENCHES=ON"],
        env=environment)
    if not configured.succeeded:
        return of(configured, "cmake could not configure")
    # All that can be built is: a test that does not compile takes no other step's programs away.
    built = runner.run(["cmake", "--build", setup.build, "--target", "gpu_tests", "segpref_cuda_bench", "-j", str(os.cpu_count()), "--", "-k", "0"], env=environment)
    if not built.succeeded:
        return of(built, "something did not compile")
    compiler = re.search(r"CUDA back end: (.*)", configured.output)
    return Outcome("passed", f"for sm_{setup.arch}" + (f": {compiler.group(1)}" if compiler else ""))


def tests(pattern):
    def work(setup, runner):
        ran = runner.run(["ctest", "--test-dir", setup.build, "-R", pattern, "--output-on-failure", "--no-tests=error"], env=setup.environment())
        found = parse.tests_of_ctest(ran.output)
        # A test that is skipped, or was not built, has not passed.
        bad = sorted(name for name, result in found.items() if result != "Passed")
        if ran.succeeded and found and not bad:
            return Outcome("passed", f"{len(found)} test programs", {"tests": found})
        return of(ran, f"{len(bad)} of {len(found)} test programs: {', '.join(bad)}" if bad else "ctest found no tests", {"tests": found})

    return work


def sanitized(setup):
    """(program, its filter): every test program that was built; of the conformance suite a part, because a sanitizer slows it down many times."""
    names = sorted(path.name for path in (setup.build / "bin").glob("gpu_*"))
    return [(name, "*Conformance*GivenF32Block0" if name == "gpu_conformance" else "*") for name in names]


def sanitizer(tool):
    def work(setup, runner):
        program = machine.compute_sanitizer()
        if program is None:
            return Outcome("unavailable", "compute-sanitizer is not installed")
        programs = sanitized(setup)
        if not programs:
            return Outcome("failed", "no test program was built")
        environment = setup.environment()
        if tool == "initcheck":
            environment["SEGPREF_GPU_FILL"] = "0"  # memory that was filled counts as written

        def one(name, test_filter):
            if runner.left() < 1:
                return ("timed out", NO_TIME), ""
            ran = runner.run([program, "--tool", tool, "--error-exitcode", "99", setup.build / "bin" / name, "--gtest_brief=1", f"--gtest_filter={test_filter}"], env=environment)
            return ("timed out", NO_TIME) if ran.timed_out else parse.sanitizer_result(ran.exit_code, ran.output), ran.output

        # Several at a time: most of their time goes into starting up, on the CPU.
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            ran = dict(zip((name for name, _ in programs), pool.map(one, *zip(*programs))))
        detail = {"programs": {name: result for name, (result, _) in ran.items()}}
        for worst in ("failed", "unavailable"):
            for name, ((result, why), output) in ran.items():
                if result == worst:
                    return Outcome(worst, f"{name}: {why}", detail, output)
        num_passed = sum(result == "passed" for (result, _), _ in ran.values())
        return Outcome("passed" if num_passed == len(ran) else "timed out", f"{num_passed} of {len(ran)} programs without a finding", detail)

    return work


# Each group is a process of its own: one that hangs or breaks the device costs its own rows alone.
BENCH_GROUPS = {"given_batch": "^given_batch/", "given": "^given/", "segment_sums": "^segment_sums/", "linear_wide": "^linear_wide_", "training_step": "^training_step/", "relabel": "^relabel/", "fit": "^fit/"}


def benches(setup, runner):
    rows, problems, output = [], [], ""
    for number, (group, pattern) in enumerate(BENCH_GROUPS.items()):
        file = setup.build / f"gpu_check_{group}.json"
        file.unlink(missing_ok=True)
        share = runner.left() / (len(BENCH_GROUPS) - number)
        ran = runner.run([setup.build / "bin/segpref_cuda_bench", f"--benchmark_filter={pattern}", f"--benchmark_out={file}", "--benchmark_out_format=json"], env=setup.environment(), limit_s=share)
        found = parse.benchmark_rows(file.read_text()) if file.exists() else []
        rows += found
        # What the library says it cannot do yet is an answer, not a failure.
        wrong = [row["name"] for row in found if row.get("error_occurred") and not row["error_message"].startswith("unsupported")]
        if not ran.succeeded or wrong or not found:
            problems.append(f"{group}: {NO_TIME if ran.timed_out else ', '.join(wrong) or f'exit code {ran.exit_code}'}")
            output += ran.output
    detail = {"rows": rows}
    if problems:
        return Outcome("failed", "; ".join(problems), detail, output)
    return Outcome("passed", f"{len(rows)} rows", detail)


def torch(setup, runner):
    # Not in the environment of unpacked packages: PyTorch brings libraries of its own.
    there = runner.run([setup.python, "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"])
    if not there.succeeded:
        return Outcome("unavailable", f"{setup.python} has no PyTorch", output=there.output)
    peer = setup.root / "bench/peers/torch_gpu_peer.py"
    ran = runner.run([setup.python, peer, "--limit", f"{max(1.0, runner.left() - 15):.0f}"])
    lines = parse.json_lines(ran.stdout)
    detail = {"rows": lines}
    measured = sum("us" in line for line in lines)
    if not ran.succeeded or measured == 0:
        return of(ran, f"exit code {ran.exit_code}, {measured} measured", detail)
    return Outcome("passed", f"{measured} of {len(lines)} measured", detail)


# In this order. The limits are meant for a machine with 16 cores; together they are --limit.
STEPS = {
    "build": Step(230, build),
    "kernels": Step(30, tests(r"^gpu\.kernels\.")),
    "conformance": Step(30, tests(r"^gpu\.(conformance|bench_call)$")),
    **{tool: Step(25, sanitizer(tool)) for tool in ("memcheck", "racecheck", "initcheck", "synccheck")},
    "benches": Step(80, benches),
    "torch": Step(100, torch),
}
