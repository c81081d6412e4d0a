#!/bin/sh
# Prepares a virtual environment from a lock with hashes: venv.sh FOLDER LOCK
set -eu

folder=$1 lock=$2 python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing python3-venv"
    apt-get update --quiet --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends python3-venv
  else
    echo "Python's venv module is missing: install it (on Debian and Ubuntu: apt-get install python3-venv)." >&2
    exit 1
  fi
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "$("$python" --version) is too old: Ansible needs Python 3.11 or newer; name one with PYTHON=…" >&2
  exit 1
fi

[ -x "$folder/bin/pip" ] && "$folder/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$folder"
echo "Installing $(grep -c '==' "$lock") packages of $lock into $folder"
# The lock is complete: nothing is resolved. Without compiling, Ansible's 20,000 files install in a third of the time.
"$folder/bin/pip" install --quiet --no-deps --no-compile --require-hashes --requirement "$lock"
cp "$lock" "$folder/"
