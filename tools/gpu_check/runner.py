"""Runs a step's commands, together within its time limit."""
import dataclasses
import os
import signal
import subprocess
import tempfile
import time


@dataclasses.dataclass
class Finished:
    exit_code: int  # meaningless after a timeout
    timed_out: bool
    stdout: str
    stderr: str

    @property
    def output(self):
        return self.stdout + self.stderr

    @property
    def succeeded(self):
        return not self.timed_out and self.exit_code == 0


class Runner:
    def __init__(self, limit_s):
        self.limit_s = limit_s
        self.start = time.monotonic()

    def seconds(self):
        return time.monotonic() - self.start

    def left(self):
        return self.limit_s - self.seconds()

    def run(self, command, cwd=None, env=None, limit_s=float("inf")):
        """Output up to the end or the limit. What the command started ends with it: a compiler that goes on would slow down the next step."""
        limit_s = max(0.1, min(limit_s, self.left()))
        with tempfile.TemporaryFile("w+", errors="replace") as stdout, tempfile.TemporaryFile("w+", errors="replace") as stderr:
            process = subprocess.Popen([str(word) for word in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True)
            timed_out = False
            try:
                process.wait(limit_s)
            except subprocess.TimeoutExpired:
                timed_out = True
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for stream in (stdout, stderr):
                stream.seek(0)
            return Finished(process.returncode, timed_out, stdout.read(), stderr.read())
