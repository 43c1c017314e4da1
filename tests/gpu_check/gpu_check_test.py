#!/usr/bin/env python3
"""tools/gpu_check.sh without a GPU: it refuses to run; and with programs that replay recorded outputs in place of the real ones, it reports what they say."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RECORDED = HERE / "recorded"
sys.path.insert(0, str(ROOT / "tools/gpu_check"))
import parse  # noqa: E402
import steps  # noqa: E402
from runner import Runner  # noqa: E402


class GpuCheck(unittest.TestCase):
    """Runs the script with a PATH of its own: what lies in self.tools is all there is."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.tools, self.out = self.folder / "tools", self.folder / "out"
        self.tools.mkdir()
        (self.tools / "python3").symlink_to(sys.executable)
        for name in ("bash", "dirname"):
            (self.tools / name).symlink_to(shutil.which(name))

    def tool(self, path, script):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run_script(self, *arguments):
        return subprocess.run([shutil.which("bash"), ROOT / "tools/gpu_check.sh", self.out, "--build", self.folder / "build", *arguments], env={"PATH": str(self.tools)},
                              capture_output=True, text=True, timeout=120)

    def install_tools(self):
        """Programs that say what is recorded."""
        cat = f"/bin/cat {RECORDED}"
        self.tool(self.tools / "nvidia-smi", f"{cat}/nvidia_smi.txt")
        self.tool(self.tools / "cmake", 'echo "-- CUDA back end: 13.0, architectures 90-real"')
        for name in ("gpu_adamw", "gpu_conformance"):
            self.tool(self.folder / "build/bin" / name, "exit 1")  # compute-sanitizer runs them
        self.tool(self.tools / "ctest", f'case "$*" in *conformance*) {cat}/ctest_conformance.txt ;; *) {cat}/ctest_kernels.txt; exit 8 ;; esac')
        self.tool(self.tools / "compute-sanitizer", f'case "$2" in racecheck) {cat}/sanitizer_race.txt; exit 99 ;; initcheck) {cat}/sanitizer_unsupported.txt; exit 1 ;; '
                                                    f'*) {cat}/sanitizer_clean.txt ;; esac')
        # The whole file for one group of rows and half of it for another, whose program then breaks; nothing for the rest.
        self.tool(self.folder / "build/bin/segpref_cuda_bench", f"""
for argument; do case "$argument" in --benchmark_out=*) file=${{argument#*=}} ;; esac; done
case "$1" in *given/) {cat}/bench.json > "$file" ;; *segment_sums/) /usr/bin/head -c 1100 {RECORDED}/bench.json > "$file"; echo it broke >&2; exit 1 ;; *) exit 1 ;; esac""")
        self.tool(self.tools / "peer", f'case "$1" in -c) ;; *) {cat}/torch.jsonl ;; esac')

    def test_without_a_gpu_it_fails_and_says_so(self):
        ran = self.run_script()
        self.assertEqual((ran.returncode, ran.stderr), (3, "gpu_check: no GPU: nvidia-smi is not in the PATH\n"))
        self.assertFalse(self.out.exists())
        self.tool(self.tools / "nvidia-smi", 'echo "No devices were found"; exit 6')
        ran = self.run_script()
        self.assertEqual((ran.returncode, ran.stderr), (3, "gpu_check: no GPU: nvidia-smi says: No devices were found\n"))

    def test_every_outcome_reaches_the_report(self):
        self.install_tools()
        ran = self.run_script("--python", self.tools / "peer")
        self.assertEqual(ran.returncode, 1, ran.stderr)
        data = json.loads((self.out / "gpu_check.json").read_text())
        self.assertEqual(data["gpu"]["name"], "Invented GPU")
        self.assertEqual({name: step["result"] for name, step in data["steps"].items()},
                         {"build": "passed", "kernels": "failed", "conformance": "failed", "memcheck": "passed", "racecheck": "failed", "initcheck": "unavailable", "synccheck": "passed",
                          "benches": "failed", "torch": "passed"})
        self.assertEqual(data["steps"]["build"]["summary"], "for sm_90: 13.0, architectures 90-real")
        self.assertEqual(data["steps"]["memcheck"]["detail"]["programs"], {"gpu_adamw": ["passed", "0 errors"], "gpu_conformance": ["passed", "0 errors"]})
        self.assertEqual(data["steps"]["kernels"]["summary"], "1 of 3 test programs: gpu.kernels.matrix")
        self.assertIn("[  FAILED  ] Matrix.ProductsOfEveryTile", data["steps"]["kernels"]["output_tail"])
        self.assertEqual(data["steps"]["conformance"]["detail"]["tests"], {"gpu.conformance": "Skipped"})  # skipped is not passed
        self.assertIn("1 hazard displayed", data["steps"]["racecheck"]["summary"])
        self.assertIn("segment_sums: exit code 1", data["steps"]["benches"]["summary"])
        self.assertIn("it broke", data["steps"]["benches"]["output_tail"])

        short = data["comparison"]["given-short"]
        self.assertEqual(short["segpref"]["median_us"], 40)
        self.assertEqual(short["peers"]["torch eager"], {"us": 400, "ratio": 10})
        self.assertEqual(short["peers"]["torch graph index_add"], {"us": 80, "ratio": 2})
        self.assertEqual(short["peers"]["torch compile"], {"error": "not run: the time was up"})
        self.assertEqual(data["comparison"]["segment_sums/short_segpref"]["peers"]["cub"], {"us": 50, "ratio": 2.5})
        self.assertEqual(data["comparison"]["pebble_shared"]["peers"]["torch eager"], {"us": 900, "ratio": None})
        self.assertIn("unsupported", data["comparison"]["linear-wide_f32"]["segpref"]["error"])

        table = (self.out / "gpu_check.txt").read_text()
        self.assertRegex(table, r"racecheck +failed")
        self.assertRegex(table, r"given-short +40\.0 +30\.0 +0\.75 +2000 GB/s +torch eager 400\.0 \(10\.00\)")
        self.assertRegex(table, r"unirlhf_shared +500\.0 +100\.0 +0\.20 +200 TFLOP/s")
        self.assertEqual(sorted(path.name for path in self.out.iterdir()), ["gpu_check.json", "gpu_check.txt"])

    def test_one_step_is_repeated_and_the_others_are_kept(self):
        self.install_tools()
        self.run_script("--python", self.tools / "peer")
        self.tool(self.tools / "ctest", f"/bin/sed 's/[*]*Skipped/   Passed/' {RECORDED}/ctest_conformance.txt")
        ran = self.run_script("--only", "conformance")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        data = json.loads((self.out / "gpu_check.json").read_text())
        self.assertEqual(data["steps"]["conformance"]["result"], "passed")
        self.assertEqual(data["steps"]["kernels"]["result"], "failed")
        self.assertEqual(data["comparison"]["given-short"]["segpref"]["median_us"], 40)

    def test_steps_without_time_are_named(self):
        self.install_tools()
        self.assertEqual(self.run_script("--limit", "0").returncode, 1)
        data = json.loads((self.out / "gpu_check.json").read_text())
        self.assertEqual({step["result"] for step in data["steps"].values()}, {"not run"})


class Steps(unittest.TestCase):
    def test_a_command_that_hangs_ends_with_its_children_and_keeps_its_output(self):
        start = time.monotonic()
        ran = Runner(1).run(["sh", "-c", "echo begun; sleep 60 & wait"])
        self.assertLess(time.monotonic() - start, 30)
        self.assertEqual((ran.timed_out, ran.succeeded, ran.stdout), (True, False, "begun\n"))

    def test_a_step_that_cannot_run_has_failed(self):
        outcome = steps.Step(10, lambda setup, runner: runner.run(["/nowhere/program"])).take(None, Runner(10))
        self.assertEqual(outcome.result, "failed")
        self.assertIn("/nowhere/program", outcome.summary)

    def test_limits_leave_ten_minutes(self):
        self.assertLessEqual(sum(step.limit_s for step in steps.STEPS.values()), 570)

    def test_a_sanitized_program_must_pass_its_tests(self):
        clean = (RECORDED / "sanitizer_clean.txt").read_text()
        self.assertEqual(parse.sanitizer_result(0, clean)[0], "passed")
        self.assertEqual(parse.sanitizer_result(1, clean)[0], "failed")
        self.assertEqual(parse.sanitizer_result(0, clean.replace("[  PASSED  ] 4 tests.", "not run: no GPU"))[0], "failed")
        self.assertEqual(parse.sanitizer_result(0, clean.replace("0 errors", "2 errors"))[0], "failed")
        self.assertEqual(parse.sanitizer_result(-11, "")[0], "failed")


if __name__ == "__main__":
    unittest.main()
