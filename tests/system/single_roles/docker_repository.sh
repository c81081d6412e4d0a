#!/bin/sh
# Makes and serves a stand-in for Docker's apt repository, which tests cannot reach: the engine, containerd and Compose of
# Debian 13 under the names, versions and dependencies of Docker's packages, signed with a key that is made here.
# The engine is there in Debian's version and in an older one: the same programs, which say that they are of patch level 0.
# Runs behind apt_repository.sh. Prints as JSON: the fingerprint of the key, and the three versions.
set -eu
exec 3>&1 >/tmp/repository.log 2>&1
root=/srv/repository

prepare
mkdir -p "$root/pool" "$root/dists/trixie/stable/binary-amd64" /tmp/debian
cd /tmp/debian
apt-get download docker.io docker-cli containerd runc docker-compose

# upstream PACKAGE: the version of Debian's package without what Debian appends
upstream() { dpkg-deb --field "$1"_*.deb Version | sed 's/[+~-].*//'; }
newest=$(upstream docker.io)
older=$(echo "$newest" | sed 's/[0-9]$/0/')
compose=$(upstream docker-compose)
[ "$older" != "$newest" ]

# unpack PACKAGE NAME VERSION DEPENDS: makes Debian's package one of Docker's, in the folder NAME
unpack() {
  dpkg-deb --raw-extract "$1"_*.deb "$2"
  sed -i -e "s/^Package: .*/Package: $2/" -e "s/^Version: .*/Version: $3-1~debian.13~trixie/" \
    -e '/^\(Breaks\|Conflicts\|Replaces\|Provides\|Recommends\|Suggests\|Source\):/d' -e "s/^Depends: .*/Depends: $4/" "$2/DEBIAN/control"
}

# pack NAME VERSION: builds the package and puts it into the repository
pack() { dpkg-deb -Zgzip -z1 --build "$1" "$root/pool/$1_$2_amd64.deb"; }

unpack containerd containerd.io 1.7.24 "libc6, libseccomp2"
echo "Conflicts: containerd, runc" >> containerd.io/DEBIAN/control
dpkg-deb --extract runc_*.deb containerd.io
pack containerd.io 1.7.24
unpack docker-compose docker-compose-plugin "$compose" libc6
pack docker-compose-plugin "$compose"
unpack docker-cli docker-ce-cli "5:$newest" libc6
echo "Conflicts: docker-cli" >> docker-ce-cli/DEBIAN/control
unpack docker.io docker-ce "5:$newest" "libc6, libsystemd0, adduser, iptables, tini, containerd.io, docker-ce-cli"
echo "Conflicts: docker.io" >> docker-ce/DEBIAN/control
for package in docker-ce docker-ce-cli; do
  pack $package "$newest"
  sed -i "s/^Version: 5:$newest/Version: 5:$older/" $package/DEBIAN/control
done
sed -i "s/$newest+dfsg1/$older+dfsg1/g" docker-ce/usr/sbin/dockerd docker-ce-cli/usr/bin/docker
pack docker-ce "$older"
pack docker-ce-cli "$older"

make_key 'Stand-in for Docker Release' "$root/gpg"
cd "$root"
apt-ftparchive packages pool > dists/trixie/stable/binary-amd64/Packages
sign dists/trixie -o APT::FTPArchive::Release::Codename=trixie -o APT::FTPArchive::Release::Components=stable \
  -o APT::FTPArchive::Release::Architectures=amd64
serve
echo "{\"fingerprint\": \"$fingerprint\", \"newest\": \"$newest\", \"older\": \"$older\", \"compose\": \"$compose\"}" >&3
