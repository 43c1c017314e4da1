#!/usr/bin/env bash
# Builds, tests and measures the CUDA back end on this machine's GPU, in ten minutes and without network: kernel tests, conformance suite,
# compute-sanitizer, benches beside PyTorch. Writes OUT/gpu_check.json and OUT/gpu_check.txt after every step.
#   tools/gpu_check.sh OUT [--deps DIR] [--arch 90] [--only STEP]     --help says the rest
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/gpu_check" "$@"
