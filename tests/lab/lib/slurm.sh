# Database, munge and the two Slurm clusters. Read by lab.sh.

start_database() {
  local sql="$RUN/mysql" client=(mariadb --no-defaults -S "$RUN/mysql/socket" -u root)
  chown mysql "$sql"
  mariadb-install-db --no-defaults --user=mysql --datadir="$sql" --auth-root-authentication-method=normal \
    --skip-test-db >"$LOG/mariadb-install.log" 2>&1 || return 1
  setsid mariadbd --no-defaults --user=mysql --datadir="$sql" --socket="$sql/socket" --pid-file="$sql/mariadbd.pid" \
    --port=$PORT_SQL --bind-address=127.0.0.1 --skip-name-resolve --innodb-buffer-pool-size=64M \
    --innodb-flush-log-at-trx-commit=0 --innodb-lock-wait-timeout=900 >"$LOG/mariadbd.log" 2>&1 </dev/null &
  wait_for 30 MariaDB mariadb-admin --no-defaults -S "$sql/socket" -u root ping
  cp "$sql/mariadbd.pid" "$PIDS/mariadbd.pid"
  "${client[@]}" -e "create database slurm; create user slurm@'127.0.0.1' identified by 'lab';
    grant all on slurm.* to slurm@'127.0.0.1'"
}

start_munge() {
  local folder=$RUN/munge
  (umask 077; head -c 1024 /dev/urandom >"$folder/key"; mkdir -p "$folder/private")
  run_munge
}

run_munge() {
  local folder=$RUN/munge
  munged --key-file="$folder/key" --socket="$folder/socket" --pid-file="$folder/munged.pid" --num-threads=2 \
    --log-file="$folder/private/log" --seed-file="$folder/private/seed" || die "munge does not start"
  wait_for 10 munge test -s "$folder/munged.pid"
  cp "$folder/munged.pid" "$PIDS/munged.pid"
}

is_since() { # VERSION: whether this Slurm is that one or a later one
  [ "$(printf '%s\n' "$1" "$(slurmd -V | grep -o '[0-9.]*' | head -1)" | sort -V | head -1)" = "$1" ]
}

common_conf() { # CLUSTER PORT STATE PIDNAME
  cat <<C
ClusterName=$1
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$2
SlurmUser=slurm
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$RUN/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$3
SlurmdSpoolDir=$RUN/spool/%n
SlurmctldPidFile=$PIDS/$4.pid
SlurmdPidFile=$PIDS/slurmd.%n.pid
SlurmctldLogFile=$LOG/$4.log
SlurmdLogFile=$LOG/slurmd.%n.log
SlurmctldTimeout=30
SlurmdTimeout=20
ReturnToService=2
SlurmdParameters=config_overrides
MinJobAge=60
KillWait=5
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
SchedulerParameters=bf_interval=5,sched_min_interval=0,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
EnforcePartLimits=ALL
JobRequeue=1
PrologSlurmctld=$ETC/slow-prolog
Epilog=$ETC/slow-epilog
GresTypes=gpu
NodeName=DEFAULT CPUs=64 Boards=1 SocketsPerBoard=2 CoresPerSocket=32 ThreadsPerCore=1 RealMemory=512000 Gres=gpu:h100:8
PartitionName=DEFAULT DefaultTime=01:00:00 State=UP
C
}

write_slurm_conf() {
  local i nodes="gpu[01-0$NODES]" knob
  {
    common_conf $CLUSTER $PORT_CTLD "$RUN/state" slurmctld
    for i in $(seq $NODES); do
      echo "NodeName=$(node_name "$i") NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((PORT_NODE + i))"
    done
    cat <<C
PartitionName=gpu Nodes=$nodes Default=YES MaxTime=2-00:00:00 PriorityTier=10 PreemptMode=OFF
PartitionName=short Nodes=$nodes MaxTime=00:10:00 PriorityTier=10 PreemptMode=OFF
PartitionName=lowprio Nodes=$nodes MaxTime=7-00:00:00 PriorityTier=1 PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$PORT_DBD
AccountingStoragePass=$RUN/munge/socket
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu,gres/gpu:h100
C
    if is_since 21.08; then echo AccountingStoreFlags=job_comment; else echo AccountingStoreJobComment=YES; fi
  } >"$ETC/slurm.conf"
  {
    common_conf bare $PORT_BARE "$RUN/state-bare" slurmctld-bare
    cat <<C
NodeName=bare01 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((PORT_NODE + 100))
PartitionName=gpu Nodes=bare01 Default=YES MaxTime=2-00:00:00
AccountingStorageType=accounting_storage/none
C
  } >"$ETC/bare.conf"
  cat >"$ETC/slurmdbd.conf" <<C
AuthType=auth/munge
AuthInfo=socket=$RUN/munge/socket
DbdHost=$(hostname -s)
DbdAddr=127.0.0.1
DbdPort=$PORT_DBD
CommunicationParameters=NoInAddrAny
SlurmUser=slurm
LogFile=$LOG/slurmdbd.log
PidFile=$PIDS/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$PORT_SQL
StorageUser=slurm
StoragePass=lab
StorageLoc=slurm
C
  # The GPUs must be character devices for CUDA_VISIBLE_DEVICES to be set; where none can be made, they are only counted.
  local file="File=$RUN/dev/gpu[0-7]"
  for i in 0 1 2 3 4 5 6 7; do mknod -m 666 "$RUN/dev/gpu$i" c 1 3 2>/dev/null || file=Count=8; done
  echo "NodeName=bare01,$nodes Name=gpu Type=h100 $file" >"$ETC/gres.conf"
  # From 23.11 on slurmd does not start where it cannot make control groups, unless it is told that none are wanted.
  if is_since 23.11; then echo CgroupPlugin=disabled; else echo ConstrainDevices=no; fi >"$ETC/cgroup.conf"
  # Knobs for tests: seconds in this file make jobs stay CONFIGURING or COMPLETING.
  for knob in slow-prolog slow-epilog; do
    printf '#!/bin/sh\n[ -e %s ] && sleep "$(cat %s)"\nexit 0\n' "$RUN/knobs/$knob" "$RUN/knobs/$knob" >"$ETC/$knob"
    chmod 755 "$ETC/$knob"
  done
  chown slurm "$ETC/slurmdbd.conf" "$RUN/state" "$RUN/state-bare" "$LOG" "$PIDS"; chmod 600 "$ETC/slurmdbd.conf"
  for i in $(seq $NODES); do mkdir -p "$RUN/spool/$(node_name "$i")"; done
  mkdir -p "$RUN/spool/bare01"
}

start_slurm() {
  local i user
  slurmdbd || die "slurmdbd does not start"
  wait_for 30 slurmdbd sacctmgr -i list cluster
  { echo "add cluster $CLUSTER"
    echo "add account $ACCOUNT cluster=$CLUSTER Description=lab Organization=lab"
    for user in "${USERS[@]:0:3}"; do echo "add user $user account=$ACCOUNT cluster=$CLUSTER"; done
  } | sacctmgr -i >"$LOG/sacctmgr.log" 2>&1
  sacctmgr -nP show assoc "user=${USERS[0]}" format=account | grep -qx $ACCOUNT || die "no accounts; see $LOG/sacctmgr.log"
  slurmctld -c || die "slurmctld does not start"
  SLURM_CONF=$ETC/bare.conf slurmctld -c || die "the bare slurmctld does not start"
  wait_for 30 slurmctld scontrol ping
  for i in $(seq $NODES); do start_node "$(node_name "$i")"; done
  SLURM_CONF=$ETC/bare.conf slurmd -N bare01 || die "slurmd bare01 does not start"
  wait_for 30 "the nodes" nodes_idle
  say "Slurm"
}

nodes_idle() {
  [ "$(sinfo -h -N -o %T -p gpu | grep -c '^idle$')" = $NODES ] &&
    [ "$(SLURM_CONF=$ETC/bare.conf sinfo -h -o %T)" = idle ]
}

stop_slurm() {
  local name
  if port_open $PORT_CTLD; then
    for name in "${USERS[@]}"; do timeout 5 scancel -u "$name" >/dev/null 2>&1; done
  fi
  stop_all $(cd "$PIDS" && ls slurmd.*.pid 2>/dev/null | sed 's/\.pid$//')
  for name in $(step_daemons); do kill -9 "$name" 2>/dev/null; done
  stop_all slurmctld slurmctld-bare slurmdbd
}

# Job steps survive their slurmd; they are known by the configuration that they run with.
step_daemons() {
  local process
  for process in /proc/[0-9]*; do
    [ "$(cat "$process/comm" 2>/dev/null)" = slurmstepd ] || continue
    tr '\0' '\n' 2>/dev/null <"$process/environ" | grep -qx "SLURM_CONF=$ETC/.*" && echo "${process#/proc/}"
  done
}

freeze() { kill -STOP "$(pid_of slurmctld)"; }
thaw() { local pid; pid=$(pid_of slurmctld) && kill -CONT "$pid"; return 0; }
kill_node() { kill -9 "$(pid_of "slurmd.$1")"; }
start_daemon() { # NAME: one that stop has ended
  case $1 in
    slurmctld) slurmctld && wait_for 30 slurmctld scontrol ping ;;
    slurmdbd) slurmdbd && wait_for 30 slurmdbd sacctmgr -i list cluster ;;
    munged) run_munge ;;
    sshd-*) /usr/sbin/sshd -f "$ETC/$1.conf" -E "$LOG/$1.log" ;;
    *) false ;;
  esac || die "$1 does not start"
}
start_node() { slurmd -N "$1" || die "slurmd $1 does not start"; }
