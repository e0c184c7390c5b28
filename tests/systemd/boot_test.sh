#!/usr/bin/env bash
# The packages on a booted machine: this machine's own root, under an overlay that is thrown away, in
# namespaces of its own, with systemd as process 1. Installs, renders, survives a stuck daemon,
# reloads, drains, purges.
# Usage: boot_test.sh FOLDER_OF_PACKAGES SOURCE_FOLDER; ends with 77 where nothing can be booted.
set -euo pipefail

packages=$(realpath "$1") source=$(realpath "$2")
readonly PATIENCE_S=${PATIENCE_S:-120}  # For each step, on a busy machine.
readonly KEY=boot-test-key

skip() { echo "boot test: skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "it takes root"
[ -x /lib/systemd/systemd ] || skip "there is no systemd to boot"
command -v deb-systemd-invoke >/dev/null || skip "there is no init-system-helpers"

scratch=$(mktemp -d /tmp/rendernode-boot.XXXXXX)
init=''
cleanup() {
  local status=$?
  if [ "$status" != 0 ] && [ -n "$init" ]; then
    inside journalctl --no-pager -o short-monotonic -n 150 >&2 || true
    tail -n 30 "$scratch/console" >&2 || true
  fi
  [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true  # Process 1's end is everybody's.
  wait 2>/dev/null || true
  umount -R "$scratch" 2>/dev/null || umount -R -l "$scratch" 2>/dev/null || true
  rm -rf "$scratch" || true
  return "$status"
}
trap cleanup EXIT

# On memory: an overlay's upper folder must not be on an overlay itself, as a container's root is.
mount -t tmpfs -o size=2g,mode=0755 tmpfs "$scratch" 2>/dev/null || skip "nothing may be mounted here"
mkdir -p "$scratch"/{upper,work,root,pids}
mount -t overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" overlay \
  "$scratch/root" 2>/dev/null || skip "the kernel has no overlay file system"
root=$scratch/root

# Of this machine's services none: the packages' alone.
rm -rf "$root"/etc/systemd/system/* "$root"/var/lib/systemd/deb-systemd-helper-* \
  "$root"/usr/sbin/policy-rc.d "$root"/etc/rendernode "$root"/var/lib/rendernode*
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service \
  systemd-networkd.service systemd-resolved.service getty.target console-getty.service \
  systemd-random-seed.service systemd-logind.service cron.service ssh.service \
  systemd-tmpfiles-setup.service systemd-binfmt.service systemd-modules-load.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
  ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done
: >"$root/etc/fstab"
: >"$root/etc/machine-id"

# A machine of its own: processes, mounts, network with a loopback, control groups.
cat >"$scratch/boot" <<EOF
set -e
mount --make-rprivate /
mount -t proc proc $root/proc
mount -t sysfs -o ro sysfs $root/sys
mount -t tmpfs -o mode=0755 tmpfs $root/dev
for node in null zero full random urandom tty; do
  touch $root/dev/\$node; mount --bind /dev/\$node $root/dev/\$node
done
mkdir $root/dev/shm $root/dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts $root/dev/pts; ln -s pts/ptmx $root/dev/ptmx
mount -t tmpfs -o mode=0755 tmpfs $root/run
mount -t tmpfs tmpfs $root/tmp
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
mkdir $root/run/packages $root/run/source
mount --bind $packages $root/run/packages
mount --bind $source $root/run/source
cd $root
pivot_root . mnt
exec chroot . /usr/bin/env -i container=rendernode-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  sh -c 'umount -l /mnt; exec /lib/systemd/systemd --unit=multi-user.target --log-target=console'
EOF
unshare --mount --pid --ipc --uts --net --cgroup --fork --kill-child \
  sh "$scratch/boot" >"$scratch/console" 2>&1 </dev/null &
outer=$!

inside() { nsenter --target "$init" --mount --pid --ipc --uts --net --cgroup --root --wd -- "$@"; }
# until WHAT COMMAND…
until_true() {
  local what=$1 end=$((SECONDS + PATIENCE_S))
  shift
  while ! "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || { echo "boot test: FAILED: no $what within $PATIENCE_S s" >&2; return 1; }
    sleep 0.2
  done
  echo "boot test: $what ($SECONDS s)"
}
fail() { echo "boot test: FAILED: $*" >&2; exit 1; }
check() { local what=$1; shift; "$@" >/dev/null 2>&1 || fail "$what"; echo "boot test: $what ($SECONDS s)"; }

find_init() {
  init=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null | tr -d ' ')
  [ -n "$init" ]
}
until_true "process 1" find_init
booted() { inside systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; }
if ! until_true "booted machine" booted; then
  cat "$scratch/console" >&2
  exit 1
fi

property() { inside systemctl show -P "$2" "$1"; }
active() { [ "$(property "$1" ActiveState)" = active ]; }
main_pid() { property rendernoded MainPID; }

# ------------------------------------------------------------------- install
inside sh -c 'dpkg -i /run/packages/*.deb' >"$scratch/dpkg" 2>&1 || { cat "$scratch/dpkg" >&2; fail "dpkg -i"; }
until_true "rendernoded started" active rendernoded
until_true "rendernode-coordinator started" active rendernode-coordinator
check "both enabled" inside systemctl is-enabled rendernoded rendernode-coordinator
check "the daemon is its own user's" \
  test "$(inside ps -o user:32= -p "$(main_pid)" | tr -d ' ')" = rendernode

# ------------------------------------------------------------------- render one item
sheets=/var/lib/rendernode-coordinator/sheets/boot
inside sh -c "
  sed -i 's|^\[keys\].*|&\n\"$(printf %s "$KEY" | sha256sum | cut -d' ' -f1)\" = \"boot jobs:read jobs:write sheets:connect\"|' \
    /etc/rendernode/coordinator.toml
  sed -i -e 's|^allow_private = .*|allow_private = [\"127.0.0.0/8\"]|' \
    -e 's|^allow_files = .*|allow_files = [\"/usr/share/rendernode/templates/samples\"]|' \
    -e 's|^disk_free_min = .*|disk_free_min = \"1MiB\"|' /etc/rendernode/node.toml
  mkdir -p $sheets
  sed 's|{{samples}}|file:///usr/share/rendernode/templates/samples|' \
    /usr/share/rendernode/templates/samples/sheets/promo.csv | head -n 2 >$sheets/promo.csv
  chown -R rendernode-coordinator $sheets
  mkdir -p /run/systemd/system/rendernoded.service.d /run/systemd/system/rendernode-coordinator.service.d
  printf '[Service]\nWatchdogSec=15\n' | tee /run/systemd/system/rendernoded.service.d/test.conf \
    >/run/systemd/system/rendernode-coordinator.service.d/test.conf
  systemctl daemon-reload
  systemctl restart rendernode-coordinator rendernoded"
ctl() { inside env RENDERNODE_SERVER=http://127.0.0.1:8080 RENDERNODE_API_KEY="$KEY" rendernodectl "$@"; }
submit() {
  ctl job submit --title "$1" --sheet promo --range A1:Z2 --template tpl_promotional \
    --set style=modern --set voice=professional_female --set background_music=upbeat_corporate
}
state_of() {
  inside curl -sS -H "Authorization: Bearer $KEY" "http://127.0.0.1:8080/api/v1/bulk-jobs/$1" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["state"])'
}
done_with() { [ "$(state_of "$1")" = completed ]; }
job=$(submit first) || fail "job submit"
until_true "a rendered item" done_with "$job"
check "its video is served to clients" ctl job download "$job" --output /tmp/first
check "the video is there" inside sh -c 'find /tmp/first -name "*.mp4" -size +10k | grep -q .'

status=$(ctl node status)
echo "$status" | grep -q 'sandbox *required: system calls filtered, files restricted' ||
  fail "the packaged sandbox: $status"
echo "$status" | grep -q 'cgroups *.*/rendernoded.service:' || fail "the control groups: $status"
echo "boot test: workers are in the sandbox and in control groups ($SECONDS s)"
check "a worker's control group holds it" \
  inside sh -c 'test -n "$(cat /sys/fs/cgroup/system.slice/rendernoded.service/worker-0/cgroup.procs)"'

# ------------------------------------------------------------------- a stuck daemon
before=$(main_pid)
inside systemctl kill --kill-whom=main --signal=STOP rendernoded
restarted() { [ "$(property rendernoded NRestarts)" -ge 1 ] && active rendernoded && [ "$(main_pid)" != "$before" ]; }
until_true "a stuck daemon was replaced by the watchdog" restarted
check "nothing of the old one is left" inside sh -c "! kill -0 $before"
active rendernode-coordinator && [ "$(property rendernode-coordinator NRestarts)" = 0 ] ||
  fail "the coordinator did not feed its watchdog"

# ------------------------------------------------------------------- reload
before=$(main_pid)
check "the daemon reloads" inside systemctl reload rendernoded
sleep 1  # For one that would die of it.
{ active rendernoded && [ "$(main_pid)" = "$before" ]; } || fail "the reload ended the daemon"
before=$(property rendernode-coordinator MainPID)
inside sed -i 's|^burst = .*|burst = 500|' /etc/rendernode/coordinator.toml
check "the coordinator reloads" inside systemctl reload rendernode-coordinator
reloaded() { inside journalctl -u rendernode-coordinator --no-pager | grep -q 'configuration reloaded'; }
until_true "the coordinator took its file over" reloaded
{ active rendernode-coordinator && [ "$(property rendernode-coordinator MainPID)" = "$before" ]; } ||
  fail "the reload ended the coordinator"

# ------------------------------------------------------------------- drain on stop
job=$(submit second)
rendering() { ctl node status | grep -Eq 'rendering|preparing'; }
until_true "an item under way" rendering
inside systemctl stop rendernoded
[ "$(property rendernoded Result)" = success ] || fail "the stop: $(property rendernoded Result)"
done_with "$job" || fail "the stop did not let the item finish: $(state_of "$job")"
echo "boot test: the stop let the item finish ($SECONDS s)"

# ------------------------------------------------------------------- purge
inside sh -c 'dpkg --purge rendernode-node rendernode-coordinator' >"$scratch/dpkg" 2>&1 ||
  { cat "$scratch/dpkg" >&2; fail "purge"; }
for gone in /var/lib/rendernode-coordinator /var/lib/rendernode/journal.sqlite /var/cache/rendernode \
  /etc/rendernode /usr/bin/rendernoded; do
  inside test ! -e "$gone" || fail "the purge left $gone"
done
inside sh -c '! systemctl is-active rendernode-coordinator rendernoded' >/dev/null || fail "services live on"
check "finished videos outlive the purge" \
  inside sh -c 'find /var/lib/rendernode/artifacts -name "*.mp4" | grep -q .'
echo "boot test: passed in $SECONDS s"
