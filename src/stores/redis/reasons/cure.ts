/** Why a connection is closed before anything has come. Redis says why, but its words may be lost with the connection. */
export const CUT =
  'the connection is closed before Redis answers: this port may speak TLS (write rediss:), or Redis is in protected mode or at its `maxclients`'

/** What an error's message or code says, and what to do about it. The first rule that fits counts. */
export const CURES: readonly (readonly [sign: RegExp, cure: string])[] = [
  [/sentinels are unreachable/i, 'no Sentinel that answers knows this master: look at `sentinels` and `name`'],
  // Redis refuses whoever connects.
  [/NOAUTH/, 'Redis asks for a password, which the URL or the option `password` must hold'],
  [/WRONGPASS|invalid password/, 'the user or the password is wrong, or that user is off'],
  [
    /^DENIED|protected mode/,
    'Redis takes no connections from other hosts: set a password and `bind` in its redis.conf',
  ],
  [/max number of clients/, 'Redis has no connection left: raise its `maxclients`, or open fewer connections'],
  // Redis refuses commands.
  [
    /NOPERM|ACL failure in script|user executing the script/,
    'the Redis user lacks rights, which “The Redis user” in SECURITY.md lists',
  ],
  [/DB index is out of range/, 'there is no such database: correct its number, or raise `databases` in redis.conf'],
  [/^LOADING/, 'Redis is loading its data, and is used as soon as it has done so'],
  [/^BUSY /, 'a script or function of somebody keeps Redis busy: SCRIPT KILL or FUNCTION KILL ends it'],
  [/READONLY/, 'this is a replica, which stores nothing: give the address of its master, or of Sentinels'],
  [/^MASTERDOWN/, 'this is a replica that has lost its master: give the address of the master'],
  [/OOM/, "Redis' memory is full: raise its `maxmemory`, or set `maxmemory-policy volatile-lru`"],
  [/^MISCONF/, 'Redis stores nothing since it cannot save to its disk: its own log says why'],
  [/^NOREPLICAS/, 'Redis stores nothing without enough replicas: start them, or lower its `min-replicas-to-write`'],
  [/unknown command/i, 'the server does not know this command: Redis 7 or newer is needed, with no command renamed'],
  // One server or a Cluster.
  [/^(?:MOVED|ASK|CROSSSLOT)/, "this is a node of a Cluster: give its URLs as a list: ['redis://...']"],
  [/cluster support disabled/, 'this is no Cluster: give one URL, not a list'],
  [
    /CLUSTERDOWN/,
    'the Cluster does not serve all slots: start the nodes that are down; `redis-cli --cluster check` says which',
  ],
  // TLS.
  [
    /wrong version number|packet length too long|record layer failure|SSL_(?:WRONG_VERSION|PACKET_LENGTH)/i,
    'this port speaks no TLS: write redis: in place of rediss:, or leave out `tls`',
  ],
  [
    /Protocol error, got "\\u0015"|Unknown RESP type 21/,
    'this port speaks TLS: write rediss: in place of redis:, or set `tls`',
  ],
  [/certificate.required|handshake failure/i, 'Redis asks for a certificate of the client: set `tls: { cert, key }`'],
  [
    /SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/,
    'nobody whom this process trusts has signed the certificate: give its CA by `tls: { ca }` or NODE_EXTRA_CA_CERTS',
  ],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'renew the certificate of Redis, or set the clock of this host'],
  [
    /ALTNAME_INVALID/,
    'the certificate is for another name: connect by a name that is in it, or set `tls: { servername }`',
  ],
  [
    /Protocol error|Unknown RESP type/,
    'what answers there is no Redis, or this port speaks TLS: look at host, port and rediss:',
  ],
  // The network.
  [/ENOTFOUND|EAI_AGAIN/, 'the name of the host leads nowhere: look at the address, and at DNS'],
  [/ECONNREFUSED/, 'nothing listens there: start Redis, or look at host and port'],
  [/ENOENT/, 'there is no such socket: look at the path, and at `unixsocket` in redis.conf'],
  [/EACCES/, 'this process may not open the socket: look at `unixsocketperm` in redis.conf'],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/, 'the host does not answer: look at the address, the network and firewalls'],
  [/ECONNRESET|EPIPE/, CUT],
  [/^no answer within/, 'the option `redisTimeout` says how long Redis may be silent'],
]

/** The cause and the cure of an error of Redis or of the way to it, in one plain sentence. `undefined`: none is known. */
export function cureOf(message: string, code: unknown): string | undefined {
  const said = typeof code === 'string' ? `${message} ${code}` : message
  return CURES.find(([sign]) => sign.test(said))?.[1]
}
