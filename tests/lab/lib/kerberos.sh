# A Kerberos realm with its own key distribution centre, for one more SSH server that takes tickets alone. Read by lab.sh.

has_kerberos() { command -v krb5kdc >/dev/null && command -v kadmin.local >/dev/null; }

start_kerberos() {
  local user realm=LAB.TEST folder=$RUN/kerberos
  has_kerberos || return 0
  mkdir -p "$folder"
  cat >"$folder/krb5.conf" <<K
[libdefaults]
  default_realm = $realm
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  $realm = {
    kdc = 127.0.0.1:$PORT_KDC
  }
[domain_realm]
  127.0.0.1 = $realm
K
  cat >"$folder/kdc.conf" <<K
[kdcdefaults]
  kdc_listen = 127.0.0.1:$PORT_KDC
  kdc_tcp_listen = 127.0.0.1:$PORT_KDC
[realms]
  $realm = {
    database_name = $folder/principals
    key_stash_file = $folder/stash
    acl_file = $folder/acl
  }
K
  export KRB5_CONFIG=$folder/krb5.conf KRB5_KDC_PROFILE=$folder/kdc.conf KRB5_KTNAME=$folder/host.keytab
  kdb5_util -r $realm create -s -P "$PASSWORD" >"$LOG/kerberos.log" 2>&1 || die "no Kerberos database; see $LOG"
  { echo "addprinc -randkey host/127.0.0.1"
    echo "ktadd -k $KRB5_KTNAME host/127.0.0.1"
    for user in "${USERS[@]}"; do echo "addprinc -pw $PASSWORD $user"; done
  } | kadmin.local -r $realm >>"$LOG/kerberos.log" 2>&1
  krb5kdc -P "$PIDS/krb5kdc.pid" >>"$LOG/kerberos.log" 2>&1 || die "krb5kdc does not start; see $LOG"
  start_sshd kerberos $PORT_KERBEROS /usr/sbin/sshd 'GSSAPIAuthentication yes' 'GSSAPIStrictAcceptorCheck no' \
    'PubkeyAuthentication no' 'PasswordAuthentication no' 'AuthenticationMethods gssapi-with-mic'
  chmod 755 "$folder"; chmod 644 "$folder/krb5.conf"
}
