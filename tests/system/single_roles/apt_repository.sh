# What the stand-ins of apt repositories share; put in front of each of their scripts. `set -eu` and `root` are theirs.
export GNUPGHOME=/root/gnupg DEBIAN_FRONTEND=noninteractive

prepare() {
  apt-get update
  apt-get install --yes --no-install-recommends apt-utils gnupg
  mkdir -p "$root"
  mkdir -p -m 700 "$GNUPGHOME"
}

# make_key OWNER FILE: makes the key of a repository, writes it to the file, and keeps its fingerprint
make_key() {
  gpg --batch --passphrase '' --quick-generate-key "$1" ed25519 sign never
  fingerprint=$(gpg --list-keys --with-colons | awk -F: '/^fpr/ { print $10; exit }')
  gpg --armor --export > "$2"
}

# sign FOLDER [OPTION…]: writes a folder's signed index of its lists of packages
sign() {
  folder=$1
  shift
  apt-ftparchive "$@" release "$folder" > /tmp/Release
  gpg --yes --clearsign --output "$folder/InRelease" /tmp/Release
}

serve() { systemd-run --unit repository python3 -m http.server 80 --directory "$root"; }
