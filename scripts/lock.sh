#!/bin/sh
# Writes the locks from the *.in files, keeping the versions that still fit; with --check, only compares.
set -eu
cd "$(dirname "$0")/.."

status=0
compile() { # INPUT LOCK [OPTION…]
  input=$1 lock=$2
  shift 2
  fresh=$(mktemp)
  [ ! -f "$lock" ] || cp "$lock" "$fresh"
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --output-file "$fresh" "$@" "$input"
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
compile requirements.in requirements.txt
# shellcheck disable=SC2086
compile files/openpose/requirements.in files/openpose/requirements.txt $leave_out
# shellcheck disable=SC2086
compile requirements-dev.in requirements-dev.txt $leave_out
exit $status
