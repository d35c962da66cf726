/** Reads and writes of records. */
import { TokenStoreError } from "@countersign/auth/Errors"
import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Database } from "../database/database.js"
import type { Statements } from "../database/statements.js"
import type { SqlFailure } from "../errors/sqlFailure.js"
import type { Row, Stored } from "./recordCodec.js"
import * as RecordCodec from "./recordCodec.js"
import { ReadTexts } from "./readTexts.js"

const standby = (name: string) =>
  new TokenStoreError({
    reason: "ReadFailed",
    detail: `${name}: the server is a standby, which may lack the newest record. Connect to the primary`
  })

/** A version with a successor. */
const isVersion = (value: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value < Number.MAX_SAFE_INTEGER

/** A change of one record. */
interface Change {
  readonly name: string
  readonly statement: string
  readonly parameters: ReadonlyArray<string | number>
  /** Whether a record is the result of this change. */
  readonly isDone: (found: Stored) => boolean
}

/** Changes and reads of stored texts. */
const makeTexts = ({ dialect, error, run }: Database, statements: Statements) => {
  /** Names of records with a change of this process that may be carried out, and may be lost in a failover. */
  const unsettled = new Set<string>()

  const rowOf = (statement: string, name: string) =>
    Effect.flatMap(
      Effect.mapError(run(statement, [name]), (failure) => error("ReadFailed", failure)),
      // The columns of the statement, with values of any type.
      ([row]: ReadonlyArray<Row>) => (row?.standby === true ? standby(dialect.name) : RecordCodec.stored(row))
    )

  const read = (name: string) =>
    Effect.suspend(() =>
      unsettled.has(name)
        ? Effect.tap(rowOf(statements.settle, name), () => Effect.sync(() => unsettled.delete(name)))
        : rowOf(statements.read, name)
    )

  /** Looks whether a change without a response was carried out. If it was not, it may still be on its way. */
  const verify = (
    { isDone, name }: Change,
    failure: SqlFailure
  ): Effect.Effect<Option.Option<number>, TokenStoreError> =>
    Effect.suspend(() => {
      unsettled.add(name)
      return Effect.flatMap(Effect.option(rowOf(statements.settle, name)), (found) => {
        const done = Option.filter(Option.flatten(found), isDone)
        if (Option.isNone(done)) return error("WriteFailed", failure)
        unsettled.delete(name)
        return Effect.succeedSome(done.value.version)
      })
    })

  /** Carries out a change. Returns the new version, or `None` if the record has another version. */
  const change = (one: Change): Effect.Effect<Option.Option<number>, TokenStoreError> =>
    Effect.matchEffect(run(one.statement, one.parameters), {
      onFailure: (failure) => (failure.isUnknownResult ? verify(one, failure) : error("WriteFailed", failure)),
      onSuccess: ([row]: ReadonlyArray<Row>) =>
        Effect.sync(() => {
          if (row === undefined) return Option.none<number>()
          unsettled.delete(one.name)
          return Option.some(Number(row.version))
        })
    }).pipe(
      // After the record may have changed, the caller must get the result.
      Effect.uninterruptible
    )

  return { read, change }
}

/** The records of a table. */
export const make = (
  database: Database,
  statements: Statements
): Pick<TokenStore.Service, "get" | "compareAndSet" | "remove"> => {
  const texts = makeTexts(database, statements)
  const validated = new ReadTexts(database.dialect)
  const remember = (name: string, stored: Stored) => Effect.sync(() => validated.remember(name, stored))
  const read = (name: string) =>
    Effect.flatMap(texts.read(name), (found) =>
      Effect.tap(RecordCodec.decode(found), () =>
        Option.match(found, { onNone: () => Effect.void, onSome: (stored) => remember(name, stored) })
      )
    )
  /** A change that was not carried out fails if the record cannot be read. */
  const changed = (change: Change): Effect.Effect<Option.Option<number>, TokenStoreError> =>
    Effect.tap(texts.change(change), (version) => (Option.isNone(version) ? read(change.name) : Effect.void))

  const write = (name: string, expected: number, text: string): Change =>
    expected === 0
      ? { name, statement: statements.insert, parameters: [name, text], isDone: (found) => found.text === text }
      : {
          name,
          statement: statements.update,
          parameters: [name, text, expected, validated.fingerprint(name, expected)],
          isDone: (found) => found.version === expected + 1 && found.text === text
        }

  return {
    get: (key) => Effect.flatMap(RecordCodec.nameOf(key), read),
    compareAndSet: (key: string, expected: number, token: Token) =>
      Effect.gen(function* () {
        if (!isVersion(expected)) return Option.none<TokenStore.VersionedToken>()
        const text = yield* RecordCodec.encode(token)
        const name = yield* RecordCodec.nameOf(key)
        return Option.map(yield* changed(write(name, expected, text)), (version) => {
          validated.remember(name, { version, text })
          return { token, version }
        })
      }),
    remove: (key, expected) =>
      Effect.gen(function* () {
        if (!isVersion(expected) || expected === 0) return false
        const name = yield* RecordCodec.nameOf(key)
        const isDone = (found: Stored) => found.version === expected && found.text === undefined
        const parameters = [name, expected, validated.fingerprint(name, expected)]
        return Option.isSome(yield* changed({ name, statement: statements.remove, parameters, isDone }))
      })
  }
}
