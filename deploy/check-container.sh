#!/usr/bin/env bash
# Builds the image by the steps of the Containerfile where no base image can be fetched, and runs it. Stand-ins under the names of the
# base images are made of Debian's packages and of the Node that npm brings. As root on Debian, from a checkout after `npm ci`:
#   apt-get install buildah debootstrap && deploy/check-container.sh
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
port=${PORT:-4311}
tool=(buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run")
server=
end() {
  if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; fi
  "${tool[@]}" umount --all >/dev/null 2>&1 || true
  rm -rf --one-file-system "$work"
}
trap end EXIT

commit() { # NAME FOLDER OPTIONS…: the folder as an image
  local container
  container=$("${tool[@]}" from scratch)
  "${tool[@]}" add "$container" "$2" / >/dev/null
  "${tool[@]}" config "${@:3}" "$container"
  "${tool[@]}" commit --quiet --rm "$container" "$1" >/dev/null
}

echo "Making the base images …"
slim=$work/slim
debootstrap --variant=minbase --include=ca-certificates bookworm "$slim" >"$work/log"
cp node_modules/node/bin/node "$slim/usr/local/bin/"
mkdir -p "$slim/usr/local/lib/node_modules"
cp -r "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$slim/usr/local/lib/node_modules/"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$slim/usr/local/bin/npm"
cp /etc/ssl/certs/ca-certificates.crt "$slim/etc/ssl/certs/"

bare=$work/bare
mkdir -p "$bare"/{nodejs/bin,etc,home/nonroot,lib64,lib/x86_64-linux-gnu,proc,sys,dev}
mkdir -m 1777 "$bare/tmp"
cp "$slim/usr/local/bin/node" "$bare/nodejs/bin/"
cp -L "$slim"/lib64/ld-linux-x86-64.so.2 "$bare/lib64/"
for library in c dl gcc_s m nss_dns nss_files pthread resolv stdc++; do
  find "$slim/lib" "$slim/usr/lib" -name "lib$library.so.[0-9]" -exec cp -L {} "$bare/lib/x86_64-linux-gnu/" \;
done
echo 'nonroot:x:65532:65532::/home/nonroot:/sbin/nologin' >"$bare/etc/passwd"

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
commit docker.io/library/node:24-slim "$slim" --env PATH=$path \
  --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
commit gcr.io/distroless/nodejs24-debian12:nonroot "$bare" --entrypoint '["/nodejs/bin/node"]'

echo "Building …"
"${tool[@]}" bud --isolation chroot --pull-never --format docker -f deploy/Containerfile -t rollcall . >"$work/log" 2>&1 ||
  { tail -20 "$work/log"; exit 1; }

echo "Running …"
container=$("${tool[@]}" from --pull-never localhost/rollcall)
"${tool[@]}" config --env "PORT=$port" "$container"
inside() { "${tool[@]}" run --isolation chroot --cap-drop all "$container" -- "$@"; }
mapfile -t start < <(node -e '
  const text = require("node:fs").readFileSync("deploy/Containerfile", "utf8")
  console.log(JSON.parse(/^CMD (\[.*\])$/m.exec(text)[1]).join("\n"))')
health=$(node -e '
  const text = require("node:fs").readFileSync("deploy/Containerfile", "utf8")
  console.log(JSON.parse(/^ +CMD (\[.*\])$/m.exec(text)[1]).at(-1))')
inside /nodejs/bin/node "${start[@]}" >"$work/log" 2>&1 &
for ((i = 0; i < 60; i++)); do inside /nodejs/bin/node -e "$health" 2>/dev/null && break || sleep 1; done
inside /nodejs/bin/node -e "$health" || { cat "$work/log"; exit 1; }
echo "The health check is content."
server=$(pgrep --uid 65532 --full "$(printf '%s' "${start[-1]}")$" | head -1)
[[ -n $server ]] || { echo "it does not run as 65532"; exit 1; }
echo "It runs as 65532."
inside /nodejs/bin/node /rollcall/node_modules/.bin/rollcall --version
! inside /bin/sh -c true 2>/dev/null || { echo "there is a shell"; exit 1; }
echo "There is no shell."
kill -TERM "$server"
while kill -0 "$server" 2>/dev/null; do sleep 0.2; done
server=
! inside /nodejs/bin/node -e "$health" 2>/dev/null || { echo "the health check does not see that it stopped"; exit 1; }
echo "It stopped, and the health check says so."
