"""What the programs of the steps print, as data."""
import json
import re


def tests_of_ctest(text):
    """name -> Passed, Failed, Skipped, Timeout, Not Run ..., as ctest prints it."""
    found = re.findall(r"^ *\d+/\d+ +Test +#\d+: (\S+) \.*(.*?) +[\d.]+ sec", text, re.MULTILINE)
    return {name: result.strip(" .*") for name, result in found}


def sanitizer_result(exit_code, output):
    """('passed' | 'failed' | 'unavailable', why) of one program under compute-sanitizer."""
    if "Device not supported" in output:
        return "unavailable", "the device is not supported"
    summaries = re.findall(r"=+ (?:ERROR|RACECHECK) SUMMARY: (.*)", output)
    if not summaries:
        return "failed", f"no summary, exit code {exit_code}"
    if int(re.match(r"\d+", summaries[-1]).group()) > 0:
        return "failed", summaries[-1]
    if exit_code != 0 or "[  PASSED  ]" not in output:
        return "failed", f"no errors, but the program did not pass: exit code {exit_code}"
    return "passed", summaries[-1]


def benchmark_rows(text):
    """The rows of Google Benchmark's JSON, also of a file whose writer was stopped between two of them."""
    try:
        return json.loads(text)["benchmarks"]
    except json.JSONDecodeError:
        end = text.rfind("\n    }")
        return json.loads(text[: end + len("\n    }")] + "\n  ]\n}")["benchmarks"] if end >= 0 else []


def json_lines(text):
    """The lines that are JSON objects; a program that was stopped may have left half of one, and libraries print warnings."""
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
