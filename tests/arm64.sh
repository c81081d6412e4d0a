#!/bin/sh
# Tries arm64 in an emulator (QEMU, for programs), once and by hand: on a machine of another kind, as root, with Docker and Internet.
#   make arm64     up to an hour; ends with "arm64: all well"
# Debian 12's own packages make an arm64 image; in it, the image of worker, camera and viewer is built from the locked wheels
# (OpenVINO's among them), and finds people in a picture; Compose for Debian 12 comes as the role docker takes it.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp --directory)
trap 'rm -rf "$work"; docker image rm --force posestream-arm64:cpu posestream-arm64-base:bookworm' EXIT
mirror=http://deb.debian.org/debian

apt-get install --yes --no-install-recommends qemu-user-static arch-test mmdebstrap > "$work/apt.log" 2>&1 || cat "$work/apt.log"
binfmt=/proc/sys/fs/binfmt_misc
[ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt
if [ ! -e $binfmt/qemu-aarch64 ]; then
  # The header of a program for aarch64; F keeps the emulator open, so that containers find it.
  printf '%s%s' ':qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:' \
    '\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:F' > $binfmt/register
fi

mmdebstrap --variant=minbase --architectures=arm64 --include=ca-certificates,python3 bookworm "$work/base.tar" $mirror
docker import --platform linux/arm64 "$work/base.tar" posestream-arm64-base:bookworm
cp -r files/openpose "$work/context"
mkdir -p "$work/context/ca-certificates"
find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$work/context/ca-certificates" \;
docker build --build-arg BASE_IMAGE=posestream-arm64-base:bookworm \
  --tag posestream-arm64:cpu "$work/context"

# The engine, over the video that is in the image.
docker run --rm --interactive --entrypoint python3 posestream-arm64:cpu - <<'PYTHON'
import platform

import cv2
from posestream.engines import Options, create

assert platform.machine() == "aarch64"
video = cv2.VideoCapture("/usr/share/posestream/video/vtest.avi")
frame = video.read()[1]
people = create("openvino", Options(net_resolution=(-1, 256))).detect(frame)
print("people in the first picture:", len(people.scores))
assert len(people.scores) > 0
PYTHON

# Compose: Debian 13's package on Debian 12.
docker run --rm --interactive posestream-arm64-base:bookworm sh -eu <<SHELL
echo "deb $mirror trixie main" > /etc/apt/sources.list.d/trixie.list
printf 'Package: *\nPin: release n=trixie\nPin-Priority: -1\n\nPackage: docker-compose\nPin: release n=trixie\nPin-Priority: 990\n' \
  > /etc/apt/preferences.d/trixie
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends docker.io iptables docker-compose
dockerd --version
docker compose version
SHELL
echo "arm64: all well"
