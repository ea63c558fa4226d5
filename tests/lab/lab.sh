#!/bin/bash
# A real Slurm and real SSH servers on this one machine, for the tests. Needs root and Debian (or Ubuntu).
#
#   lab.sh install      the packages, from the distribution
#   lab.sh up           starts everything; `up` twice is fine
#   lab.sh down         ends everything and removes every trace but the packages
#   lab.sh status       what runs; exit 0 if all of it
#   lab.sh env          where things are, as JSON
#   lab.sh freeze|thaw  the controller hangs, the controller goes on
#   lab.sh stop|start NAME   one daemon: slurmctld, slurmdbd, munged, sshd-login
#   lab.sh kill-ssh login    that SSH server and all its logins, at once
#   lab.sh kill-node N | start-node N     a node dies, comes back
#   lab.sh sacctmgr WORDS…   as the administrator
#   lab.sh reserve NODES SECONDS | unreserve    maintenance on those nodes that begins in so many seconds; none any more
#
# Ports and user ids move with LAB_NUMBER (0 to 9), so that several labs stand side by side: suite.sh runs this script
# inside the root folder of another Debian, which has another Slurm.
#
# Two clusters: "lab" (slurmctld, slurmd x4 with 8 fake GPUs each, slurmdbd, MariaDB) and "bare" (slurmctld, one
# slurmd, no accounting). Five SSH servers: login (key or password), jump (forwards only), otp (password and code),
# keyotp (key, then code), kerberos (a ticket). Only loopback ports, only one folder, only users whose home is in it.
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB=${LAB:-/tmp/websight-lab}
RUN=$LAB/run ETC=$LAB/run/etc LOG=$LAB/run/log PIDS=$LAB/run/pids KEYS=$LAB/run/keys
NODES=4 CLUSTER=lab ACCOUNT=ingrai
NUMBER=${LAB_NUMBER:-0} SHIFT=$((${LAB_NUMBER:-0} * 200))
PORT_LOGIN=$((22022 + SHIFT)) PORT_JUMP=$((22023 + SHIFT)) PORT_OTP=$((22024 + SHIFT)) PORT_KEYOTP=$((22025 + SHIFT))
PORT_CTLD=$((26817 + SHIFT)) PORT_DBD=$((26819 + SHIFT)) PORT_BARE=$((26917 + SHIFT)) PORT_NODE=$((27000 + SHIFT))
PORT_SQL=$((23306 + SHIFT)) PORT_KERBEROS=$((22026 + SHIFT)) PORT_KDC=$((22088 + SHIFT))
# The one who runs jobs, a colleague, one with a noisy shell and no PATH, one on the cluster without accounting.
USERS=(wstalice wstbob wstnoisy wstbare) UID_FIRST=$((2301 + 10 * NUMBER)) PASSWORD=lab-password
PACKAGES=(slurmctld slurmd slurm-client slurm-wlm-basic-plugins slurmdbd munge mariadb-server
          openssh-server openssh-client libpam-modules libpam-google-authenticator hostname python3
          krb5-kdc krb5-admin-server krb5-user)
PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF=$ETC/slurm.conf

die() { echo "lab.sh: $*" >&2; exit 1; }
say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }
wait_for() { # SECONDS WHAT COMMAND…
  local tries=$(($1 * 10)) what=$2; shift 2
  while ((tries-- > 0)); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
  die "$what did not come up; see $LOG"
}
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
is_alive() { # PID; one that only waits to be reaped is dead
  [ -n "${1:-}" ] && grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}
pid_of() { # NAME → its pid, if that pid still is one of our daemons
  local pid; pid=$(cat "$PIDS/$1.pid" 2>/dev/null) && is_alive "$pid" || return 1
  case $(cat "/proc/$pid/comm") in slurm*|sshd*|wst-lab*|mariadbd|munged|krb5kdc) echo "$pid" ;; *) return 1 ;; esac
}
is_our_user() { [ "$(getent passwd "$1" | cut -d: -f6)" = "$RUN/home/$1" ]; }
node_name() { printf 'gpu%02d' "$1"; }

# shellcheck source=tests/lab/lib/slurm.sh
. "$HERE/lib/slurm.sh"
# shellcheck source=tests/lab/lib/ssh.sh
. "$HERE/lib/ssh.sh"
# shellcheck source=tests/lab/lib/kerberos.sh
. "$HERE/lib/kerberos.sh"

install_packages() {
  local missing=() package
  for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || { say "all packages are there"; return 0; }
  mkdir -p "$LAB"
  # Keeps the packages from starting their own daemons on the machine's usual ports.
  local policy=/usr/sbin/policy-rc.d ours=0
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; ours=1; }
  say "installing ${missing[*]}"
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
  } >"$LAB/install.log" 2>&1
  local status=$?
  ((ours)) && rm -f $policy
  ((status == 0)) || { tail -5 "$LAB/install.log" >&2; die "apt-get failed; see $LAB/install.log"; }
  say "installed"
}

up() {
  if status >/dev/null 2>&1; then say "already up"; return 0; fi
  down >/dev/null
  local port
  for port in $PORT_LOGIN $PORT_JUMP $PORT_OTP $PORT_KEYOTP $PORT_CTLD $PORT_DBD $PORT_SQL $PORT_BARE $PORT_KERBEROS $PORT_KDC; do
    port_open "$port" && die "port $port is taken"
  done
  mkdir -p "$ETC" "$LOG" "$PIDS" "$KEYS" "$RUN"/{home,state,state-bare,spool,munge,mysql,dev,knobs,otp}
  chmod 755 "$LAB" "$RUN" "$RUN"/*; chmod 1777 "$RUN/knobs"; chmod 700 "$RUN/otp"
  start_database &       # the slowest part goes first and alone
  local database=$!
  make_users
  start_munge
  start_ssh
  start_kerberos
  write_client_files
  write_slurm_conf
  wait $database || die "the database did not start; see $LOG"
  say "database and SSH"
  start_slurm
  describe >"$LAB/lab.json.tmp" && mv "$LAB/lab.json.tmp" "$LAB/lab.json"
  say "up: ssh -p $PORT_LOGIN -i $KEYS/id_ed25519 ${USERS[0]}@127.0.0.1"
}

down() {
  rm -f "$LAB/lab.json"
  [ -d "$RUN" ] || { say "not up"; return 0; }
  thaw
  stop_slurm
  stop_all sshd-login sshd-jump sshd-otp sshd-keyotp sshd-kerberos krb5kdc mariadbd munged
  remove_users
  rm -f /etc/pam.d/wst-lab-otp /etc/pam.d/wst-lab-code
  rm -rf "$RUN"
  say "down"
}

stop_all() { # NAMES…: asks them to end, then makes them
  local name pid pids=() tries
  for name in "$@"; do pid=$(pid_of "$name") && kill "$pid" && pids+=("$pid"); done
  for pid in "${pids[@]}"; do
    tries=80
    while is_alive "$pid" && ((tries-- > 0)); do sleep 0.1; done
    is_alive "$pid" && kill -9 "$pid"
  done
  return 0
}

status() {
  local name bad=0
  [ -d "$PIDS" ] || { echo "down"; return 3; }
  for name in munged mariadbd slurmdbd slurmctld slurmctld-bare slurmd.bare01 \
              $(for i in $(seq $NODES); do echo "slurmd.$(node_name "$i")"; done) \
              sshd-login sshd-jump sshd-otp sshd-keyotp $(has_kerberos && echo krb5kdc sshd-kerberos); do
    if pid_of "$name" >/dev/null; then echo "up    $name"; else echo "DOWN  $name"; bad=1; fi
  done
  return $bad
}

describe() {
  cat <<J
{
 "folder": "$LAB", "slurm_conf": "$SLURM_CONF", "cluster": "$CLUSTER", "account": "$ACCOUNT", "nodes": $NODES,
 "ports": {"login": $PORT_LOGIN, "jump": $PORT_JUMP, "otp": $PORT_OTP, "keyotp": $PORT_KEYOTP},
 "users": {"alice": "${USERS[0]}", "bob": "${USERS[1]}", "noisy": "${USERS[2]}", "bare": "${USERS[3]}"},
 "home": "$RUN/home", "password": "$PASSWORD", "otp_secret": "$(head -1 "$KEYS/otp" 2>/dev/null)",
 "key": "$KEYS/id_ed25519", "locked_key": "$KEYS/locked", "passphrase": "$PASSWORD",
 "certified_key": "$KEYS/certified", "known_hosts": "$KEYS/known_hosts", "ssh_config": "$KEYS/ssh_config",
 "kerberos": "$(has_kerberos && echo "$RUN/kerberos/krb5.conf")",
 "log": "$LOG", "knobs": "$RUN/knobs", "script": "${LAB_SCRIPT:-$HERE/lab.sh}"
}
J
}

[ "$(id -u)" = 0 ] || die "needs root: it makes users and lets them log in"
case ${1:-} in
  install) install_packages ;;
  up) up ;;
  down) down ;;
  status) status ;;
  env) describe ;;
  packages) echo "${PACKAGES[*]}" ;;
  freeze) freeze ;;
  thaw) thaw ;;
  stop) stop_all "$2" ;;
  start) start_daemon "$2" ;;
  kill-ssh) kill_ssh "$2" ;;
  kill-node) kill_node "$2" ;;
  reserve) scontrol create reservation ReservationName=upgrade StartTime="now+$3" Duration=60 Nodes="$2" \
             Users=root Flags=MAINT,IGNORE_JOBS ;;
  sacctmgr) shift; sacctmgr -i "$@" ;;
  unreserve) scontrol delete ReservationName=upgrade ;;
  start-node) start_node "$2" ;;
  *) sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
