#!/bin/sh
# Installs packages of the distribution: install_packages.sh PACKAGE…
# With APT_MIRROR they come from there and not from the distribution's own servers. On a mirror of
# Debian, security updates are expected where mirrors have them: at the same address and "-security".
set -eu

# NVIDIA's images ask NVIDIA's own repository, too, which has nothing that is wanted here.
rm -f /etc/apt/sources.list.d/cuda*.list /etc/apt/sources.list.d/nvidia*.list
if [ "${APT_MIRROR:-}" ]; then
  mirror=${APT_MIRROR%/}
  find /etc/apt/sources.list /etc/apt/sources.list.d -type f -exec sed -i -E \
    -e "s#https?://([a-z.]+\.)?(archive|security|ports)\.ubuntu\.com/ubuntu(-ports)?/?#$mirror#g" \
    -e "s#https?://(deb|security)\.debian\.org/debian-security/?#$mirror-security#g" \
    -e "s#https?://deb\.debian\.org/debian/?( |\$)#$mirror\1#g" {} +
fi
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/*
