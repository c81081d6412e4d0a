#!/bin/sh
# Writes files/kafka/jars.txt: the jars of Kafka's image, as Maven finds them by pom.xml. Needs Docker and the image of bare Debian.
set -eu
cd "$(dirname "$0")/.."
context=$(mktemp --directory)
trap 'rm --recursive "$context"' EXIT
cp --recursive files/kafka/. "$context"
mkdir "$context/ca-certificates"
cp /usr/local/share/ca-certificates/*.crt "$context/ca-certificates" 2> /dev/null || true

image=$(docker build --quiet --target jars --build-arg "BASE_IMAGE=${1:-posestream-base:bookworm}" "$context")
docker run --rm --volume "$PWD/files/kafka/pom.xml:/build/pom.xml:ro" "$image" \
  mvn --batch-mode --quiet --file /build/pom.xml dependency:list -DoutputFile=/dev/stdout -Dsort=true \
  | sed -n 's/^ *\([a-z][^: ]*:[^: ]*\):jar:\([^: ]*\):.*/\1:\2/p' > files/kafka/jars.txt
