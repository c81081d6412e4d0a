#!/bin/sh
# Makes and serves a stand-in for the parts of Ubuntu's archive that the role docker asks for, which tests cannot reach: Debian 13's
# engine and client as Ubuntu's one docker.io, its Compose as docker-compose-v2. Everything else comes from Debian.
# Runs behind apt_repository.sh, on the host that is to be Ubuntu, and makes apt know it.
set -eu
exec >/tmp/repository.log 2>&1
root=/srv/repository

prepare
mkdir -p "$root/pool" "$root/dists/noble/universe/binary-amd64" /tmp/debian
cd /tmp/debian
apt-get download docker.io docker-cli docker-compose

# ubuntu PACKAGE NAME DEPENDS [PACKAGE]: makes Debian's package one of Ubuntu's, with what another one holds beside it
ubuntu() {
  dpkg-deb --raw-extract "$1"_*.deb "$2"
  [ $# -lt 4 ] || dpkg-deb --extract "$4"_*.deb "$2"
  sed -i -e "s/^Package: .*/Package: $2/" -e "s/^Version: \([^+-]*\).*/Version: \1-0ubuntu1~24.04.1/" \
    -e '/^\(Breaks\|Conflicts\|Replaces\|Provides\|Recommends\|Suggests\|Source\):/d' -e "s/^Depends: .*/Depends: $3/" "$2/DEBIAN/control"
  dpkg-deb -Znone --build "$2" "$root/pool/$2_ubuntu_amd64.deb"
}

ubuntu docker.io docker.io "libc6, libsystemd0, adduser, iptables, containerd, runc" docker-cli
ubuntu docker-compose docker-compose-v2 docker.io

mkdir -p /etc/apt/keyrings
make_key 'Stand-in for Ubuntu' "$root/key"
cp "$root/key" /etc/apt/keyrings/ubuntu.asc
cd "$root"
apt-ftparchive packages pool > dists/noble/universe/binary-amd64/Packages
sign dists/noble -o APT::FTPArchive::Release::Codename=noble -o APT::FTPArchive::Release::Components=universe \
  -o APT::FTPArchive::Release::Architectures=amd64
serve
echo "deb [signed-by=/etc/apt/keyrings/ubuntu.asc] http://localhost noble universe" > /etc/apt/sources.list.d/ubuntu.list
# Debian's of that name would do, too, and is not what is asked for here.
printf 'Package: docker.io docker-cli docker-compose\nPin: release o=Debian\nPin-Priority: -1\n' > /etc/apt/preferences.d/ubuntu
until apt-get update --error-on=any; do sleep 1; done
