#!/usr/bin/env bash
# The main job on real input: a coordinator and a node on loopback render the sample sheet.
# Usage: demo.sh BIN_FOLDER OUT_FOLDER; succeeds when the five good rows are videos and the sixth,
# whose image does not exist, failed for that reason.
set -euo pipefail

bin=$(realpath "$1") out=$(realpath -m "$2")
root=$(realpath "$(dirname "$0")/..")
samples=$root/templates/samples
key=demo-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
readonly WAIT_S=30  # For either program to start or to stop.

rm -rf "$out"
mkdir -p "$out"/{sheets/demo,state,log}
run=$(mktemp -d /tmp/rendernode-demo.XXXXXX)  # Sockets want short paths.
coordinator_pid='' node_pid=''

# stop PID: asks, waits, and kills what does not listen.
stop() {
  [ -n "$1" ] || return 0
  kill -TERM "$1" 2>/dev/null || return 0
  timeout "$WAIT_S" tail --pid="$1" -f /dev/null || { kill -KILL "$1"; return 1; }
}

cleanup() {
  stop "$node_pid" || true
  stop "$coordinator_pid" || true
  rm -rf "$run"
}
trap cleanup EXIT

# wait_for PID LOG COMMAND…: until the command succeeds; not longer than the program lives.
wait_for() {
  local pid=$1 log=$2 until=$((SECONDS + WAIT_S))
  shift 2
  while ((SECONDS < until)) && kill -0 "$pid" 2>/dev/null; do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "demo: $(basename "$log" .log) did not start; its log ends:" >&2
  tail -n 20 "$log" >&2
  return 1
}

sed "s|{{samples}}|file://$samples|" "$samples/sheets/promo.csv" >"$out/sheets/demo/promo.csv"

cat >"$out/coordinator.toml" <<EOF
[folders]
state = "$out/state"
artifacts = "$out/artifacts"
sheets = "$out/sheets"
templates = "$root/templates"
[http]
port = 0
[nodes]
address = "127.0.0.1:0"
[keys]
"$(printf %s "$key" | sha256sum | cut -d' ' -f1)" = "demo jobs:read jobs:write sheets:connect"
EOF

"$bin/rendernode-coordinator" --config "$out/coordinator.toml" --ports-file "$run/ports.json" \
  2>"$out/log/coordinator.log" &
coordinator_pid=$!
wait_for "$coordinator_pid" "$out/log/coordinator.log" test -s "$run/ports.json"
port() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$run/ports.json"; }
server=http://127.0.0.1:$(port http)

cat >"$out/node.toml" <<EOF
node_id = "demo-node"
[folders]
state = "$out/state/node"
work = "$out/state/work"
cache = "$out/state/cache"
[admin]
socket = "$run/admin.sock"
[coordinator]
address = "127.0.0.1:$(port nodes)"
[worker]
command = ["$bin/rendernode-worker"]
[fetch]
allow_private = ["127.0.0.0/8", "::1/128"]
allow_files = ["$samples"]
[store]
root = "$out/artifacts"
EOF

"$bin/rendernoded" --config "$out/node.toml" 2>"$out/log/node.log" &
node_pid=$!
wait_for "$node_pid" "$out/log/node.log" "$bin/rendernodectl" node --socket "$run/admin.sock" status

export RENDERNODE_SERVER=$server RENDERNODE_API_KEY=$key
job=$("$bin/rendernodectl" job submit --title "Demo" --sheet promo --range A1:Z7 \
  --template tpl_promotional --set style=modern --set voice=professional_female \
  --set background_music=upbeat_corporate)
"$bin/rendernodectl" job download "$job" --watch --output "${out#"$PWD"/}" --summary "$out/summary.json"

stop "$node_pid" && node_pid=''
stop "$coordinator_pid" && coordinator_pid=''

python3 - "$out/summary.json" <<'EOF'
import collections, json, sys
items = json.load(open(sys.argv[1]))["items"]
got = collections.Counter((item["state"], item["error_code"]) for item in items)
wanted = collections.Counter({("completed", None): 5, ("failed", "asset_download_failed"): 1})
sys.exit(0 if got == wanted else f"demo: expected {dict(wanted)}, got {dict(got)}")
EOF
echo "videos, posters and captions: ${out#"$PWD"/}/"
