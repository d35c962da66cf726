# The programs that the tests use. Each one is looked up, installed and started separately: `command -v a b` succeeds if
# only one of the two exists, and an installed program can still be unable to start.
# `run` sources this file and sets `room`, a temporary folder.

policy=/usr/sbin/policy-rc.d
policy_made=
lists_updated=

# Debian starts a service when it installs one, unless this file forbids it. The tests start their own instances.
forbid_services() {
  [[ ! -e $policy ]] || return 0
  policy_made=true
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
}

allow_services() {
  [[ -z $policy_made ]] || rm -f "$policy"
  policy_made=
}

# apt_get ARGUMENT…: waits for another apt, and prints the end of its output if it fails.
apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >"$room/apt.log" 2>&1 ||
    { printf '  apt-get %s failed:\n' "$*"; tail -n 20 "$room/apt.log"; return 1; }
}

is_root() { ((EUID == 0)); }

install_package() {
  is_root || { echo "  installing $1 needs root: run .ci/run as root, or install $1 first"; return 1; }
  # Package lists can be absent, and old ones name files that the archive has removed.
  [[ -n $lists_updated ]] || apt_get update || return 1
  lists_updated=true
  local status=0
  forbid_services || return 1
  apt_get install -y --no-install-recommends "$1" || status=$?
  allow_services
  ((status != 0)) || echo "  installed $1"
  return "$status"
}

# works WHAT COMMAND: runs a line of shell, and prints its output if it fails.
works() {
  if (cd "$room" && timeout 60 bash -c "$2") >"$room/program.log" 2>&1; then
    echo "  $1 works"
  else
    printf '  %s is installed but does not work. This failed: %s\n' "$1" "$2"
    tail -n 20 "$room/program.log"
    return 1
  fi
}

# program FILE PACKAGE COMMAND: installs the package if the program FILE is missing. Then COMMAND, a line of shell, must
# succeed. FILE is a name in PATH or an absolute path.
program() {
  local file=$1 package=$2 command=$3
  if ! command -v "$file" >/dev/null; then
    install_package "$package" || return 1
    command -v "$file" >/dev/null || { echo "  the package $package has no program $file in PATH"; return 1; }
  fi
  works "$file" "$command"
}

# all FUNCTION…: runs each one, also after a failure.
all() {
  local status=0 one
  for one in "$@"; do "$one" || status=1; done
  return "$status"
}

has_gunicorn() { program /usr/bin/gunicorn gunicorn '/usr/bin/gunicorn --version'; }
has_httpbin() {
  local import="/usr/bin/python3 -c 'import httpbin.core'"
  (cd / && eval "$import") >/dev/null 2>&1 || install_package python3-httpbin || return 1
  works httpbin "$import"
}
install_httpbin() { all has_gunicorn has_httpbin; }

# Programs of a usual Debian that small images lack.
has_openssl() { program openssl openssl 'openssl genpkey -algorithm ed25519'; }
has_mount() { program mount mount 'mount --version'; }
has_umount() { program umount mount 'umount --version'; }
has_mkfifo() { program mkfifo coreutils 'mkfifo fifo && rm fifo'; }
install_system() { all has_openssl has_mount has_umount has_mkfifo; }

list_names='dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames'
unlock='export HOME=$PWD; echo pw | gnome-keyring-daemon --foreground --components=secrets --unlock &
for _ in {1..100}; do '"$list_names"' | grep -q org.freedesktop.secrets && { kill $!; exit 0; }; sleep 0.1; done; exit 1'
has_dbus_daemon() { program dbus-daemon dbus 'dbus-daemon --version'; }
has_dbus_run_session() { program dbus-run-session dbus 'dbus-run-session -- true'; }
has_dbus_send() { program dbus-send dbus "dbus-run-session -- $list_names"; }
has_keyring() { program gnome-keyring-daemon gnome-keyring "dbus-run-session -- bash -c '$unlock'"; }
install_keychain() { all has_dbus_daemon has_dbus_run_session has_dbus_send has_keyring; }

# A system can have strace and forbid ptrace.
install_strace() { program strace strace 'strace -f -o /dev/null -e inject=fsync:error=EIO true'; }

install_chromium() {
  local page='data:text/html,<script>document.write(6*7)</script>'
  program chromium chromium "chromium --headless --no-sandbox --disable-gpu --user-data-dir=chromium --dump-dom '$page' | grep -w 42"
}

install_squid() { program /usr/sbin/squid squid '/usr/sbin/squid -v'; }
install_web_servers() { all has_lighttpd has_apache; }
has_lighttpd() { program /usr/sbin/lighttpd lighttpd '/usr/sbin/lighttpd -v'; }
has_apache() { program /usr/sbin/apache2 apache2 '/usr/sbin/apache2 -v'; }
install_etcd() { program /usr/bin/etcd etcd-server '/usr/bin/etcd --version'; }

# A server that cannot bind or fork is installed but useless.
install_redis() {
  program redis-server redis-server 'redis-server --port 0 --unixsocket redis.sock --save "" --dir . & trap "kill $!" EXIT
for _ in {1..100}; do redis-cli -s redis.sock ping | grep -q PONG && exit 0; sleep 0.1; done; exit 1'
}

# Namespaces need rights that some containers lack.
install_network() {
  program ip iproute2 'ip netns add ci-probe && ip -n ci-probe link add switch type bridge; status=$?
ip netns delete ci-probe; exit $status'
}

has_postgres() {
  local folders=(/usr/lib/postgresql/*/bin)
  [[ -x ${folders[0]}/initdb ]] || install_package postgresql || return 1
  works postgres 'id postgres && for folder in /usr/lib/postgresql/*/bin; do "$folder/initdb" --version && "$folder/postgres" --version || exit; done'
}
has_pgbouncer() { program /usr/sbin/pgbouncer pgbouncer '/usr/sbin/pgbouncer --version'; }
install_postgres() { all has_postgres has_pgbouncer; }
