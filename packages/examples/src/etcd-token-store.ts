/** Token store on etcd, which any number of machines can share: `LeaseLock` over the leases of etcd, and its transactions. */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import * as Token from "@countersign/auth/Token"
import * as TokenRecord from "@countersign/auth/TokenRecord"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

// #region requests
/** A key can be any text, so it is encoded as UTF-16: UTF-8 has no lone surrogates. */
const nameOf = (kind: "lock" | "token", key: string) =>
  Buffer.concat([Buffer.from(`app/${kind}/`), Buffer.from(key, "utf16le")]).toString("base64")

const Value = Schema.Struct({ mod_revision: Schema.String, value: Schema.StringFromBase64 })
const Found = Schema.Struct({ kvs: Schema.optionalWith(Schema.Array(Value), { default: () => [] }) })
const Outcome = Schema.Struct({ succeeded: Schema.optionalWith(Schema.Boolean, { default: () => false }) })

const failed = (reason: "ReadFailed" | "WriteFailed") => (error: { readonly message: string }) =>
  new TokenStoreError({ reason, detail: `etcd failed: ${error.message}` })

const requests = (etcd: ApiClient.ApiClient) => ({
  find: (key: string) =>
    etcd.post("/v3/kv/range", { json: { key }, schema: Found }).pipe(
      Effect.map(({ kvs }) => Option.fromNullable(kvs[0])),
      Effect.mapError(failed("ReadFailed"))
    ),
  /**
   * Writes a value if the key still has this revision. The revision 0 means that the key does not exist. An interruption waits
   * for the response, because etcd may carry out an interrupted request later, after the next read.
   */
  putIf: (key: string, mod_revision: string, text: string, lease = "0") => {
    const request_put = { key, value: Buffer.from(text).toString("base64"), lease }
    const json = { compare: [{ key, target: "MOD", mod_revision }], success: [{ request_put }] }
    return etcd.post("/v3/kv/txn", { json, schema: Outcome }).pipe(
      Effect.map(({ succeeded }) => succeeded),
      Effect.mapError(failed("WriteFailed")),
      Effect.uninterruptible
    )
  }
})
// #endregion

// #region lock
const KeptAlive = Schema.Struct({ result: Schema.Struct({ TTL: Schema.optional(Schema.String) }) })

/** The lease of an owner. Its id is a positive number of 60 bits, from the random owner. */
const idOf = (owner: string) => BigInt(`0x${owner.replaceAll("-", "").slice(0, 15)}`).toString()

const makeLock = (etcd: ApiClient.ApiClient, options: LeaseLock.Options) => {
  const { find, putIf } = requests(etcd)
  /** etcd responds with `done` if nothing is left to do. */
  const changeLease = (change: "grant" | "revoke", json: object, done: number) =>
    Effect.catchIf(
      Effect.asVoid(etcd.post(`/v3/lease/${change}`, { json })),
      (error) => error._tag === "ClientError" && error.status === done,
      () => Effect.void
    ).pipe(Effect.mapError(failed("WriteFailed")))

  const acquire = (name: string, owner: string, lease: Duration.Duration) =>
    Effect.gen(function* () {
      const key = nameOf("lock", name)
      const holder = yield* find(key)
      if (Option.isSome(holder)) return holder.value.value === owner
      const TTL = Math.ceil(Duration.toSeconds(lease)).toString()
      yield* changeLease("grant", { ID: idOf(owner), TTL }, 412)
      // etcd removes the key when its lease ends.
      return yield* putIf(key, "0", owner, idOf(owner))
    })

  const renew = (name: string, owner: string, lease: Duration.Duration) =>
    etcd.post("/v3/lease/keepalive", { json: { ID: idOf(owner) }, schema: KeptAlive }).pipe(
      Effect.mapError(failed("WriteFailed")),
      // Without a TTL, the lease has ended.
      Effect.flatMap(({ result }) => (result.TTL === undefined ? acquire(name, owner, lease) : Effect.succeed(true)))
    )

  // Revokes the lease of the owner, and its key with it. The key of another owner has another lease.
  const release = (_: string, owner: string) => changeLease("revoke", { ID: idOf(owner) }, 404)

  return LeaseLock.make({ acquire, renew, release }, options)
}
// #endregion

// #region store
/** A removed record keeps its version, so that no version of a key is used twice. */
const StoredRecord = Schema.Struct({
  format: Schema.Literal("app/token/1"),
  version: Schema.Int,
  token: Schema.optional(Token.Token)
})

/** Maximum number of characters of a key or a text. etcd rejects requests of more than 1.5 MiB. */
const maxLength = 128 * 1024

const tooLong = new TokenStoreError({ reason: "WriteFailed", detail: `a text is longer than ${maxLength} characters` })

const corrupt = (description: string) =>
  new TokenStoreError({ reason: "Corrupt", detail: `a record in etcd ${description}. Remove it, and sign in again` })

export const make = (etcd: ApiClient.ApiClient, options: LeaseLock.Options = {}): TokenStore.Service => {
  const { find, putIf } = requests(etcd)
  const withLock = makeLock(etcd, options)
  const read = (key: string) =>
    Effect.gen(function* () {
      if (key.length > maxLength) return yield* tooLong
      const found = yield* find(nameOf("token", key))
      if (Option.isNone(found)) return { revision: "0", last: 0, token: undefined }
      const value = yield* TokenRecord.parse(found.value.value, corrupt)
      const { token, version } = yield* TokenRecord.decode(StoredRecord, value, corrupt)
      return { revision: found.value.mod_revision, last: version, token }
    })
  /** Writes the record unless it has changed since it was read. etcd compares its revision in the same transaction. */
  const write = (key: string, revision: string, version: number, token?: Token.Token) =>
    Effect.gen(function* () {
      const record = { format: "app/token/1", version, ...(token !== undefined && { token }) } as const
      const encoded = yield* TokenRecord.encode(StoredRecord, record)
      if (TokenRecord.hasLongText(encoded, maxLength)) return yield* tooLong
      return yield* putIf(nameOf("token", key), revision, JSON.stringify(encoded))
    })

  return {
    lockScope: "cluster",
    get: (key) =>
      Effect.map(read(key), ({ last, token }) =>
        token === undefined ? Option.none() : Option.some({ token, version: last })
      ),
    compareAndSet: (key, expected, token) =>
      Effect.gen(function* () {
        const record = yield* read(key)
        if ((record.token === undefined ? 0 : record.last) !== expected) return Option.none()
        const version = record.last + 1
        const isWritten = yield* write(key, record.revision, version, token)
        return isWritten ? Option.some({ token, version }) : Option.none()
      }),
    remove: (key, expected) =>
      Effect.flatMap(read(key), ({ last, revision, token }) =>
        token === undefined || last !== expected ? Effect.succeed(false) : write(key, revision, last)
      ),
    withLock: (key) => (effect) => (key.length > maxLength ? tooLong : withLock(key)(effect))
  }
}

export const layer = (baseUrl: string, options?: LeaseLock.Options) =>
  Layer.effect(
    TokenStore.TokenStore,
    Effect.map(ApiClient.make({ baseUrl, auth: Auth.none }), (etcd) => make(etcd, options))
  )
// #endregion
