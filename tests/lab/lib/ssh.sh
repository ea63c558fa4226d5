# Users, keys and the SSH servers. Read by lab.sh.

make_users() {
  local i user
  make_keys
  for i in "${!USERS[@]}"; do
    user=${USERS[i]}
    if id "$user" >/dev/null 2>&1; then
      is_our_user "$user" || die "there is a user $user that is not the lab's"
    else
      useradd --no-create-home --uid $((UID_FIRST + i)) --home-dir "$RUN/home/$user" --shell /bin/bash "$user" \
        2>>"$LOG/users.log" || die "cannot make the user $user"
    fi
    echo "$user:$PASSWORD" | chpasswd
    mkdir -p "$RUN/home/$user/.ssh"
    cat "$KEYS/id_ed25519.pub" "$KEYS/locked.pub" >"$RUN/home/$user/.ssh/authorized_keys"
    user_environment "$i" >"$RUN/home/$user/.ssh/environment"
    chown -R "$user:" "$RUN/home/$user"; chmod 700 "$RUN/home/$user" "$RUN/home/$user/.ssh"
    cp -p "$KEYS/otp" "$RUN/otp/$user"
  done
  make_noisy "$RUN/home/${USERS[2]}"
  chown -R "${USERS[2]}:" "$RUN/home/${USERS[2]}"
}

# Which Slurm an account sees (not by SetEnv in sshd_config: OpenSSH 8.4 forgets it in Match blocks).
user_environment() { # INDEX
  case $1 in
    2) echo "PATH=$RUN/minimal" ;;
    3) echo "SLURM_CONF=$ETC/bare.conf" ;;
    *) echo "SLURM_CONF=$ETC/slurm.conf" ;;
  esac
}

# Slurm is on the PATH of login shells only, and every start-up file prints on both streams.
make_noisy() { # HOME
  mkdir -p "$RUN/minimal"
  find /usr/bin -mindepth 1 -maxdepth 1 ! -name 's[abcdhirqt]*' -exec ln -st "$RUN/minimal" {} +
  ln -st "$RUN/minimal" /usr/bin/{sh,sleep,seq,sed,sort,stat,tail,tr,sha256sum,stty,stdbuf,sync,split} 2>/dev/null
  cat >"$1/.bashrc" <<'R'
echo "bashrc: 3 modules loaded"
echo "bashrc: warning: module gcc is deprecated" >&2
R
  cat >"$1/.bash_profile" <<R
echo "*** Maintenance on Tuesday ***"
echo "quota: 93% of 50 GB used" >&2
export PATH=/usr/local/bin:/usr/bin:/bin SLURM_CONF=$ETC/slurm.conf
. ~/.bashrc
R
  echo 'echo "logout: goodbye"; echo "logout: bye" >&2' >"$1/.bash_logout"
}

make_keys() {
  ssh-keygen -q -t ed25519 -N '' -C lab -f "$KEYS/id_ed25519"
  ssh-keygen -q -t rsa -b 2048 -N "$PASSWORD" -C locked -f "$KEYS/locked"
  # Known to no account: only its certificate lets it in.
  ssh-keygen -q -t ed25519 -N '' -C certified -f "$KEYS/certified"
  ssh-keygen -q -t ed25519 -N '' -C authority -f "$KEYS/authority"
  ssh-keygen -q -s "$KEYS/authority" -I lab -n "$(IFS=,; echo "${USERS[*]}")" -V +1d "$KEYS/certified.pub"
  local secret; secret=$(head -c 20 /dev/urandom | base32)
  printf '%s\n" RATE_LIMIT 60 30\n" WINDOW_SIZE 17\n" TOTP_AUTH\n' "$secret" >"$KEYS/otp"
  chmod 600 "$KEYS/otp"
}

start_ssh() {
  mkdir -p /run/sshd; chmod 755 /run/sshd
  cat >/etc/pam.d/wst-lab-code <<P
auth required pam_google_authenticator.so secret=$RUN/otp/\${USER} user=root no_strict_owner
account required pam_unix.so
session required pam_unix.so
P
  { echo "auth required pam_unix.so"; cat /etc/pam.d/wst-lab-code; } >/etc/pam.d/wst-lab-otp
  # PAM chooses its rules by the name of the program.
  ln -sf /usr/sbin/sshd "$RUN/wst-lab-otp"; ln -sf /usr/sbin/sshd "$RUN/wst-lab-code"
  start_sshd login $PORT_LOGIN /usr/sbin/sshd
  start_sshd jump $PORT_JUMP /usr/sbin/sshd 'ForceCommand echo "This host only forwards."' 'PasswordAuthentication no'
  start_sshd otp $PORT_OTP "$RUN/wst-lab-otp" 'PasswordAuthentication no' 'AuthenticationMethods keyboard-interactive'
  start_sshd keyotp $PORT_KEYOTP "$RUN/wst-lab-code" 'PasswordAuthentication no' \
    'AuthenticationMethods publickey,keyboard-interactive'
}

start_sshd() { # NAME PORT PROGRAM EXTRA-LINES…
  local name=$1 port=$2 program=$3; shift 3
  # OpenSSH from 9.8 takes PAM's rules from this option instead of the program's name.
  if [ "$program" != /usr/sbin/sshd ] && /usr/sbin/sshd -T -f /dev/null -h "$KEYS/id_ed25519" \
      -o "PAMServiceName=${program##*/}" >/dev/null 2>&1; then set -- "$@" "PAMServiceName ${program##*/}"; fi
  ssh-keygen -q -t ed25519 -N '' -f "$ETC/host-$name"
  { printf '%s\n' "$@"
    cat <<S
Port $port
ListenAddress 127.0.0.1
HostKey $ETC/host-$name
PidFile $PIDS/sshd-$name.pid
LogLevel VERBOSE
AllowUsers ${USERS[*]}
TrustedUserCAKeys $KEYS/authority.pub
KbdInteractiveAuthentication yes
UsePAM yes
UseDNS no
PrintMotd no
MaxStartups 100
Subsystem sftp internal-sftp
PermitUserEnvironment yes
S
  } | sed '/^$/d' >"$ETC/sshd-$name.conf"
  "$program" -f "$ETC/sshd-$name.conf" -E "$LOG/sshd-$name.log" || die "sshd $name does not start; see $LOG"
}

kill_ssh() { # NAME: the server and every login to it, at once
  local server children child
  server=$(pid_of "sshd-$1") || die "sshd-$1 does not run"
  children=$(cat "/proc/$server/task/"*/children) # before it dies: orphans are not known any more
  kill -9 "$server"
  for child in $children; do kill_tree "$child"; done
}
kill_tree() { # PID
  local child
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do kill_tree "$child"; done
  kill -9 "$1" 2>/dev/null
}

write_client_files() {
  local name port
  for name in login:$PORT_LOGIN jump:$PORT_JUMP otp:$PORT_OTP keyotp:$PORT_KEYOTP kerberos:$PORT_KERBEROS; do
    port=${name#*:} name=${name%:*}
    [ -e "$ETC/host-$name.pub" ] || continue
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$ETC/host-$name.pub")"
  done >"$KEYS/known_hosts"
  # Include, Host patterns and Match, as real configurations have them.
  mkdir -p "$KEYS/ssh_config.d"
  cat >"$KEYS/ssh_config" <<C
Include $KEYS/ssh_config.d/*
Host lab-via
  ProxyJump lab-gate
Host lab-far
  ProxyJump lab-gate,${USERS[1]}@lab-gate
Match originalhost lab-piped
  ProxyCommand ssh -F $KEYS/ssh_config -W %h:%p lab-gate
Host lab-* !lab-password
  IdentityFile $KEYS/id_ed25519
Host lab-*
  HostName 127.0.0.1
  User ${USERS[0]}
  Port $PORT_LOGIN
  IdentitiesOnly yes
  UserKnownHostsFile $KEYS/known_hosts
  GlobalKnownHostsFile /dev/null
C
  cat >"$KEYS/ssh_config.d/servers" <<C
Host lab-gate
  Port $PORT_JUMP
Host lab-otp
  Port $PORT_OTP
Host lab-keyotp
  Port $PORT_KEYOTP
Host lab-kerberos
  Port $PORT_KERBEROS
  GSSAPIAuthentication yes
  PubkeyAuthentication no
Host lab-noisy
  User ${USERS[2]}
Host lab-bare
  User ${USERS[3]}
C
  chmod 644 "$KEYS/known_hosts" "$KEYS/ssh_config" "$KEYS/ssh_config.d/servers"
}

remove_users() {
  local user uid pid
  for user in "${USERS[@]}"; do
    is_our_user "$user" || continue
    uid=$(id -u "$user")
    # Their jobs and sessions: these users exist for the lab alone.
    for pid in /proc/[0-9]*; do
      [ "$(stat -c %u "$pid" 2>/dev/null)" = "$uid" ] && kill -9 "${pid#/proc/}" 2>/dev/null
    done
    userdel "$user" >/dev/null 2>&1
  done
}
