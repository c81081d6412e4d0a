#!/bin/sh
# Writes the locks from the *.in files, keeping the versions that still fit; with --check, only compares.
set -eu
cd "$(dirname "$0")/.."

status=0
compile() { # INPUT LOCK PYTHON [OPTION…]
  input=$1 lock=$2 python=$3
  shift 3
  fresh=$(mktemp)
  [ ! -f "$lock" ] || cp "$lock" "$fresh"
  uv pip compile --quiet --universal --python-version "$python" --generate-hashes --no-header \
    --no-annotate --output-file "$fresh" "$@" "$input"
  if [ "${check:-}" ]; then
    diff -u "$lock" "$fresh" || { echo "$lock does not fit $input: run \`make lock\`" >&2; status=1; }
    rm "$fresh"
  else
    mv "$fresh" "$lock"
    chmod 644 "$lock"
  fi
}

[ "${1:-}" = --check ] && check=yes
# Left out: kafka-python-ng (archived, open holes; kafka-python has the same module), OpenCV with windows,
# and OpenVINO's reports home.
leave_out='--no-emit-package kafka-python-ng --no-emit-package opencv-python --no-emit-package openvino-telemetry'
compile requirements.in requirements.txt 3.11
compile requirements-audit.in requirements-audit.txt 3.11
# shellcheck disable=SC2086
compile files/openpose/requirements.in files/openpose/requirements.txt 3.11 $leave_out
# shellcheck disable=SC2086
compile files/openpose/requirements-camera.in files/openpose/requirements-camera.txt 3.11 $leave_out
# Ubuntu 22.04 has Python 3.10.
# shellcheck disable=SC2086
compile files/openpose/requirements-cuda.in files/openpose/requirements-cuda.txt 3.10 $leave_out
for cuda in 12 13; do
  # shellcheck disable=SC2086
  compile files/openpose/requirements-onnx-cuda$cuda.in files/openpose/requirements-onnx-cuda$cuda.txt 3.11 $leave_out
done
compile files/openpose/requirements-cmake.in files/openpose/requirements-cmake.txt 3.10
# shellcheck disable=SC2086
compile requirements-dev.in requirements-dev.txt 3.11 $leave_out
exit $status
