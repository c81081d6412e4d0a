# Makes and serves a stand-in for the repository of NVIDIA's container toolkit, which tests cannot reach. Its programs are real,
# built from NVIDIA's Go module, under the real names and dependencies of their packages; libnvidia-container1 and -tools,
# which are not written in Go, are empty. The folder /srv/toolkit has bin/ and the module's own units in systemd/.
# There are two versions: the newest one, and the same programs under an older number.
# Runs behind apt_repository.sh, with the number of the newest as $1. Prints the key's fingerprint.
set -eu
exec 3>&1 >/tmp/repository.log 2>&1
root=/srv/repository newest=$1 older=1.18.0

prepare

# pack VERSION NAME DEPENDS: packs what the folder NAME holds
pack() {
  mkdir -p "$2/DEBIAN"
  cat > "$2/DEBIAN/control" <<CONTROL
Package: $2
Version: $1-1
Architecture: amd64
Maintainer: Tests of posestream <nobody@example.org>
Depends: $3
Description: Stand-in for NVIDIA's package of this name
CONTROL
  dpkg-deb -Zgzip -z1 --build "$2" "$root/$2_$1-1_amd64.deb"
}

mkdir -p /tmp/packing
cd /tmp/packing
base=nvidia-container-toolkit-base
mkdir -p $base/usr/bin $base/lib/systemd/system $base/etc/nvidia-container-toolkit $base/DEBIAN nvidia-container-toolkit/usr/bin \
  libnvidia-container1 libnvidia-container-tools
for program in nvidia-ctk nvidia-container-runtime nvidia-cdi-hook; do cp /srv/toolkit/bin/$program $base/usr/bin; done
cp /srv/toolkit/bin/nvidia-container-runtime-hook nvidia-container-toolkit/usr/bin
cp /srv/toolkit/systemd/nvidia-cdi-refresh.service /srv/toolkit/systemd/nvidia-cdi-refresh.path $base/lib/systemd/system
cat > $base/DEBIAN/postinst <<'POSTINST'
#!/bin/sh
set -e
nvidia-ctk --quiet config --config-file=/etc/nvidia-container-runtime/config.toml --in-place
POSTINST
chmod 755 $base/DEBIAN/postinst
for version in $older "$newest"; do
  pack "$version" libnvidia-container1 libc6
  pack "$version" libnvidia-container-tools "libnvidia-container1 (= $version-1)"
  pack "$version" $base libc6
  pack "$version" nvidia-container-toolkit "$base (= $version-1), libnvidia-container-tools (= $version-1)"
done

make_key 'Stand-in for NVIDIA' "$root/gpgkey"
cd "$root"
apt-ftparchive packages . > Packages
sign .
serve
echo "$fingerprint" >&3
