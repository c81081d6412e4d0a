#!/bin/sh
# What can only be known on a GPU, in eight minutes: that the engine onnx finds there what OpenPose finds, in both precisions
# and in batches, and how fast it is. For a host with an NVIDIA GPU, its container toolkit and the image:
#
#   tests/gpu.sh [IMAGE] [--processor]
#
# IMAGE is what `docker images posestream` lists with the tag onnx…; posestream:onnx without it. With --processor the script
# tries itself, on small pictures and without a GPU. Weights are random ones or made by hand: none of OpenPose's are needed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
image=posestream:onnx
case ${1:-} in '' | --*) ;; *) image=$1 && shift ;; esac
gpus="--gpus all"
[ "${1:-}" != --processor ] || gpus=
# shellcheck disable=SC2086
exec timeout 480 docker run --rm $gpus --env PYTHONPATH=/project --volume "$root/tests:/project/tests:ro" \
  --entrypoint python "$image" /project/tests/gpu.py "$@"
