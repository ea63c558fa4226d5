#!/bin/bash
# The lab with another Slurm: lab.sh inside the root folder of another Debian suite. Needs root and debootstrap.
#
#   suite.sh SUITE install    the suite's packages into $SUITES/SUITE (about 2 minutes, 0.8 GB)
#   suite.sh SUITE remove     that folder away
#   suite.sh SUITE up|down|… whatever lab.sh does, there; the tests find it by LAB=/tmp/websight-lab-SUITE
#
# bullseye has Slurm 20.11, trixie 24.11, forky 26.05; the lab of this machine's own suite needs none of this.
set -eu
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SUITES=${SUITES:-/var/tmp/websight-suites}
MIRROR=${MIRROR:-$(sed -n 's/^URIs: *//p; s/^deb \([^[]\S*\) .*/\1/p' /etc/apt/sources.list.d/debian.sources \
  /etc/apt/sources.list 2>/dev/null | head -1)}
case ${1:-} in
  bullseye) LAB_NUMBER=1 ;;
  trixie) LAB_NUMBER=2 ;;
  forky | sid) LAB_NUMBER=3 ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
suite=$1 root=$SUITES/$1 lab=/tmp/websight-lab-$1; shift
BOUND=(proc dev dev/pts)

die() { echo "suite.sh: $*" >&2; exit 1; }
inside() { # COMMAND…: in the other root, with the lab's folder and scripts at their usual places
  chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C LAB="$lab" \
    LAB_NUMBER="$LAB_NUMBER" LAB_SCRIPT="$lab/control" DEBIAN_FRONTEND=noninteractive "$@"
}
mounted() { grep -q " $1 " /proc/self/mounts; }
bind() {
  local place
  mkdir -p "$lab" "$root$lab" "$root/lab"
  for place in "${BOUND[@]}"; do mounted "$root/$place" || mount --bind "/$place" "$root/$place"; done
  mounted "$root$lab" || mount --bind "$lab" "$root$lab"
  mounted "$root/lab" || mount --bind "$HERE" "$root/lab"
}
release() {
  local place
  for place in "$root/lab" "$root$lab" "$root/dev/pts" "$root/dev" "$root/proc"; do
    if mounted "$place"; then umount "$place" || umount --lazy "$place"; fi
  done
}

install_suite() {
  [ -e "$root/installed" ] && { echo "$suite is there"; return 0; }
  mkdir -p "$SUITES"
  command -v debootstrap >/dev/null ||
    { apt-get update && apt-get install -y --no-install-recommends debootstrap; } >"$SUITES/debootstrap.log" 2>&1 ||
    die "debootstrap could not be installed; see $SUITES/debootstrap.log"
  [ -n "$MIRROR" ] || die "no mirror of Debian is configured: set MIRROR"
  # Suites that are newer than this debootstrap are made like all others.
  local script=/usr/share/debootstrap/scripts/$suite packages
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  packages=$("$HERE/lab.sh" packages | tr ' ' ,)
  debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$MIRROR" "$script" >"$root.log" 2>&1 ||
    { tail -3 "$root.log" >&2; rm -rf "$root"; die "$suite could not be installed; see $root.log"; }
  touch "$root/installed"
}

[ "$(id -u)" = 0 ] || die "needs root: it makes another root folder and users in it"
case ${1:-} in
  install) install_suite ;;
  remove) release; rm -rf --one-file-system "$root" "$lab" ;;
  up)
    [ -e "$root/installed" ] || die "$suite is not installed: suite.sh $suite install"
    cp /etc/hosts "$root/etc/hosts"
    bind
    printf '#!/bin/sh\nexec %q %q "$@"\n' "$HERE/suite.sh" "$suite" >"$lab/control"
    chmod 755 "$lab/control"
    inside /lab/lab.sh up
    ;;
  down) if mounted "$root/lab"; then inside /lab/lab.sh down; release; fi ;;
  *) inside /lab/lab.sh "$@" ;;
esac
