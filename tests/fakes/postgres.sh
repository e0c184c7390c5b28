#!/bin/sh
# A PostgreSQL server of the tests' own, in one folder, on a Unix socket there, and nowhere else.
#
#   postgres.sh run <folder> [setting…]     in the foreground, until it is killed
#   postgres.sh start <folder> [setting…]   for as long as our parent lives
#   postgres.sh stop <folder>
#
# <folder>/ready is there once it serves. Settings: "fsync=on". Nothing of it outlives a machine, so
# it does not wait for the disk unless it is told to. initdb refuses root: then the server is the user
# postgres's.
set -eu

what=$1
folder=$2
shift 2
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "postgres.sh: there is no /usr/lib/postgresql: install postgresql-15" >&2; exit 1; }

as_postgres() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --clear-groups --pdeathsig=keep "$@"
  else
    "$@"
  fi
}

prepare() {
  mkdir -p "$folder"
  if [ "$(id -u)" = 0 ]; then
    chown postgres:postgres "$folder"
  fi
  # A collation that is not byte by byte, as many a server has: the store must not depend on it.
  (cd / && as_postgres "$bin/initdb" --pgdata="$folder/data" --username=postgres --auth=trust \
    --encoding=UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US --no-sync) \
    >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
  cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 200
shared_buffers = 64MB
fsync = off
deadlock_timeout = 200ms
logging_collector = off
CONF
  for setting in "$@"; do
    echo "$setting" >>"$folder/data/postgresql.conf"
  done
}

# Once it answers.
announce() {
  i=0
  while ! "$bin/pg_isready" --quiet --host="$folder" --username=postgres; do
    i=$((i + 1))
    [ $i -lt 1200 ] || exit 1
    sleep 0.05
  done
  touch "$folder/ready"
}

stop() {
  if [ -f "$folder/data/postmaster.pid" ]; then
    (cd / && as_postgres "$bin/pg_ctl" --pgdata="$folder/data" --mode=immediate stop) >/dev/null 2>&1 || true
  fi
  rm -rf "$folder"
}

case $what in
  run)
    prepare "$@"
    announce &
    cd /
    if [ "$(id -u)" = 0 ]; then
      exec setpriv --reuid=postgres --regid=postgres --clear-groups --pdeathsig=QUIT \
        "$bin/postgres" -D "$folder/data"
    fi
    exec "$bin/postgres" -D "$folder/data"
    ;;
  start)
    stop
    prepare "$@"
    (cd / && as_postgres "$bin/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --wait start) >/dev/null
    touch "$folder/ready"
    # Ends with who started it, and be it killed.
    parent=$PPID
    setsid sh -c "while kill -0 $parent 2>/dev/null; do sleep 1; done; sh '$0' stop '$folder'" \
      </dev/null >/dev/null 2>&1 &
    ;;
  stop)
    stop
    ;;
esac
