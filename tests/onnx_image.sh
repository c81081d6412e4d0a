#!/bin/sh
# Builds the image of workers with the engine onnx as a deployment does, from Debian's and PyPI's packages (2 GB), and looks at it; no GPU
# is needed. By hand, as root, with Docker:
#   tests/onnx_image.sh [12|13]     the version of CUDA; minutes; ends with "onnx: all well"
set -eu
cd "$(dirname "$0")/.."
cuda=${1:-12} image=posestream-test:onnx
work=$(mktemp --directory)
clean() {
  rm -rf "$work"
  for name in $(docker images --format '{{.Repository}}:{{.Tag}}' --filter "reference=$image*"); do
    docker image rm "$name"
    docker image prune --force --filter "label=posestream.content=${name##*-}"
  done > /dev/null
}
trap clean EXIT

cat > "$work/hosts.yml" <<YAML
openpose:
  hosts:
    localhost:
      ansible_connection: local
      ansible_python_interpreter: /usr/bin/python3
      broker_hostname: kafka.example.org
      openpose_engine: onnx
      openpose_license_accepted: true
      openpose_onnx_cuda: $cuda
      posestream_onnx_image: $image
      # Seen by nobody: what would be found of a host's GPUs.
      gpu_devices: [{index: 0, address: "0000:01:00.0", device: "2330", name: ""}]
      gpu_access: cdi
YAML
begun=$(date +%s)
ansible-playbook playbooks/images.yml -i "$work/hosts.yml"
seconds=$(($(date +%s) - begun))
echo "onnx: built in $seconds s, $(docker image inspect --format '{{.Size}}' $image) bytes"
[ $seconds -le 600 ] || { echo "onnx: that is more than ten minutes" >&2; exit 1; }

# All that ONNX Runtime's provider for CUDA and NVIDIA's libraries need is there, but for the driver's library; nothing else is.
docker run --rm --network none --interactive --entrypoint sh $image -eu <<'SHELL'
library=$(find /opt/posestream/lib -name libonnxruntime_providers_cuda.so)
ldd "$library" | grep -E 'lib(cublas|cudart|cudnn|cufft)'
ldd "$library" | grep 'not found' | grep -v 'libcuda\.so\.1 ' && exit 1
python3 - 2> /tmp/said <<'PYTHON'
import importlib.util
import onnx, onnxruntime, posestream
print("onnxruntime", onnxruntime.__version__, onnxruntime.get_available_providers())
assert "CUDAExecutionProvider" in onnxruntime.get_available_providers()
assert not importlib.util.find_spec("openvino")
PYTHON
cat /tmp/said
grep --ignore-case telemetry /tmp/said && exit 1
touch /var/cache/posestream/cuda/of-nobody
SHELL

# Without a GPU the worker ends, and says why.
code=0
docker run --rm --network none --env WORKER_ENGINE=onnx --env SS_BROKERS=127.0.0.1:9 --env SSSRC_TOPIC=pictures \
  --env SSDST_TOPIC=results $image > "$work/said" 2>&1 || code=$?
cat "$work/said"
[ $code = 1 ] && grep -q GPU "$work/said" && ! grep -q Traceback "$work/said" || { echo "onnx: it should end with 1, and name the GPU" >&2; exit 1; }
echo "onnx: all well"
