/**
 * Descriptions of failures of Redis. A message of the server may repeat arguments of a command, such as a token. So only its
 * code is used, and only if it is one of the known codes.
 */

/** What each code means, and what to do. */
const meanings: Readonly<Record<string, string>> = {
  ASK: "the cluster moves the key to another node. Try again",
  BUSY: "a script of another client is still running. Try again",
  CLUSTERDOWN: "the cluster is down. Wait until all of its slots have a node",
  CROSSSLOT: "the keys belong to different cluster slots. Set a `prefix` without braces",
  EXECABORT: "the server rejected the transaction. Try again",
  LOADING: "the server loads its data. Try again",
  MASTERDOWN: "the server is a replica without a connection to its primary. Try again",
  MISCONF: "the server cannot save its data to disk, and rejects writes. Check the disk of the server",
  MOVED: "the key belongs to another cluster node. Pass a `Cluster` to `RedisClient.fromClient`",
  NOAUTH: "the server requires a sign-in. Set `username` and `password`",
  NOPERM: "the user may not run a command or access a key. Extend its ACL",
  NOREPLICAS: "the server has fewer replicas than `min-replicas-to-write`. Check the replicas",
  NOSCRIPT: "the server does not know the script. Try again",
  OOM: "the server has reached `maxmemory`. Increase it, or remove other data",
  READONLY: "the server is a replica. The client connects again; try again",
  TRYAGAIN: "the cluster moves the key to another node. Try again",
  UNBLOCKED: "the role of the server changed. Try again",
  WRONGPASS: "the server rejected the sign-in. Check `username` and `password`",
  WRONGTYPE: "the key holds data of another type. Set another `prefix`"
}

/** Messages of ioredis about a connection, which contain no argument. */
const connectionFailures: ReadonlyArray<readonly [message: RegExp, code: string, meaning: string]> = [
  [/^Command timed out/, "TIMEOUT", "no response within `commandTimeout`. Check the server and the network"],
  [/^connect ETIMEDOUT/, "TIMEOUT", "no connection within `connectTimeout`. Check the server and the network"],
  [
    /max retries per request|^Connection is closed|Stream isn't writeable|^Failed to refresh slots cache/,
    "CLOSED",
    "no connection to the server. Check the URL, the server and the network"
  ]
]

/** A failure of Redis without any text of the server. */
export interface RedisFailure {
  /** The code, such as `OOM`. `ERR` if the server used another one, `TIMEOUT` and `CLOSED` without a response. */
  readonly code: string
  /** The code with its meaning and what to do. */
  readonly detail: string
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : "")

/** The errors of an unreachable server in their causes: ioredis wraps some of them. */
const systemCode = (error: unknown): string | undefined => {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined
  return typeof code === "string" && /^E[A-Z]{3,20}$/.test(code) ? code : undefined
}

/** Describes an error of ioredis. */
export const describe = (error: unknown): RedisFailure => {
  const message = messageOf(error)
  const code = /^[A-Z]{3,12}(?= )/.exec(message)?.[0] ?? ""
  const meaning = meanings[code]
  if (meaning !== undefined) return { code, detail: `${code}: ${meaning}` }
  for (const [pattern, code, meaning] of connectionFailures) {
    if (pattern.test(message)) return { code, detail: meaning }
  }
  const system = systemCode(error)
  if (system !== undefined)
    return {
      code: "CLOSED",
      detail: `no connection to the server (${system}). Check the URL, the server and the network`
    }
  return {
    code: "ERR",
    detail:
      "the server rejected the command (ERR). Check that it is Redis 7 or Valkey, with scripts and without a proxy that changes them"
  }
}

/** Whether the server may have carried out a command that failed so. */
export const isUnknownResult = ({ code }: RedisFailure): boolean =>
  code === "TIMEOUT" || code === "CLOSED" || code === "UNBLOCKED"
