/**
 * Recorder: stores the responses of a real API in a file, without secrets, and replays them in tests.
 *
 * The file is JSON that can be read and committed. Secrets are removed: credentials and cookies of both messages, values with
 * secret names such as `api_key`, `client_secret` or `access_token`, and texts that contain a credential of a request. Names are
 * those of parameters, members of JSON, parts of multipart bodies, and elements and attributes of XML. Numbers and booleans of
 * JSON, and compressed content, are stored as they are. Names decide, so read a recording before you commit it.
 *
 * A request matches a stored one if method, URL and body are equal after the secrets are removed. Equal requests are answered
 * in the order of the recording. Bodies are read whole, so an endless stream cannot be recorded. Requests without a response
 * are not stored.
 *
 * @example
 * ```ts
 * import * as Recorder from "@countersign/testing/Recorder"
 *
 * const transport = Recorder.layer({
 *   file: "test/recordings/users.json",
 *   mode: "replay"
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as OptionNames from "./internal/options/optionNames.js"
import { Playback } from "./internal/recorder/playback.js"
import * as Internal from "./internal/recorder/recorder.js"
import type { Exchange } from "./internal/recorder/recording.js"
import type { RecordingError } from "./internal/recorder/recordingFile.js"
import * as File from "./internal/recorder/recordingFile.js"
import { Redaction } from "./internal/recorder/redaction.js"
import * as SecretNames from "./internal/recorder/secretNames.js"

export { RecordingError, type RecordingReason } from "./internal/recorder/recordingFile.js"

/**
 * What a recorder does.
 *
 * - `record`: sends all requests, and replaces the file.
 * - `replay`: sends nothing. A request that is not in the file is a defect with code `ERR_RECORDING_UNEXPECTED_REQUEST`.
 * - `auto`: replays what is in the file, sends the rest, and adds it to the file. Recorders of one process can share a file.
 *   In several processes, give each recorder its own file.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode = "record" | "replay" | "auto"

/**
 * Options of a recorder that only replays.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplayOptions {
  /** Path of the file. */
  readonly file: string
  /** More names of parameters and members with secret values, in any letter case. */
  readonly secretNames?: ReadonlyArray<string> | undefined
  /** Texts of at least 8 characters that are removed wherever they stand, such as the key in a path. */
  readonly secrets?: ReadonlyArray<Redacted.Redacted<string>> | undefined
}

/**
 * Options of a recorder.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ReplayOptions {
  /** Whether to record or to replay. */
  readonly mode: Mode
}

const replayNames: OptionNames.ShapeOf<ReplayOptions> = { file: true, secretNames: true, secrets: "secret" }

const names: OptionNames.ShapeOf<Options> = { ...replayNames, mode: true }

/** Dies for an unknown name. */
const checkNames = (options: object, known: OptionNames.Shape): Effect.Effect<void> =>
  Effect.sync(() => void OptionNames.known("`Recorder`", options, known))

const modes: ReadonlySet<unknown> = new Set<Mode>(["record", "replay", "auto"])

/** Dies for another mode, which JavaScript or a variable of the environment can pass. */
const checkMode = (mode: unknown): Effect.Effect<void> => {
  if (modes.has(mode)) return Effect.void
  const shown = typeof mode === "string" ? `"${Redact.text(mode, 60)}"` : mode === undefined ? "undefined" : typeof mode
  const message = `\`Recorder\` cannot be made: \`mode\` is ${shown}. Set it to "record", "replay" or "auto".`
  return Effect.die(new TypeError(message))
}

const makeWith = (
  { file, secretNames = [], secrets = [] }: ReplayOptions,
  exchanges: Effect.Effect<ReadonlyArray<Exchange>, RecordingError, FileSystem.FileSystem>,
  transport?: HttpClient.HttpClient,
  isReplaced = false
): Effect.Effect<HttpClient.HttpClient, RecordingError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const kept = yield* exchanges
    const redaction = new Redaction(SecretNames.make(secretNames), secrets.map(Redacted.value))
    return Internal.make({ file, files, redaction, playback: new Playback(kept), isReplaced, transport })
  })

const readFile = (file: string): Effect.Effect<ReadonlyArray<Exchange>, RecordingError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => File.read(files, file))

const noExchanges: ReadonlyArray<Exchange> = []

/** The exchanges that are replayed. */
const keptOf = ({
  file,
  mode
}: Options): Effect.Effect<ReadonlyArray<Exchange>, RecordingError, FileSystem.FileSystem> => {
  if (mode === "record") return Effect.succeed(noExchanges)
  const read = readFile(file)
  if (mode === "replay") return read
  return Effect.catchIf(
    read,
    ({ reason }) => reason === "NotFound",
    () => Effect.succeed(noExchanges)
  )
}

/**
 * Makes a recorder over the transport of the context.
 *
 * Fails with `RecordingError` if the file is missing in mode `replay`, or if it is invalid in the modes `replay` and `auto`.
 * After each response the file is replaced in one step. A file that cannot be written is a defect. Another `mode` is a defect
 * with a `TypeError`, before a request is sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<HttpClient.HttpClient, RecordingError, HttpClient.HttpClient | FileSystem.FileSystem> =>
  Effect.gen(function* () {
    yield* checkNames(options, names)
    yield* checkMode(options.mode)
    const transport = yield* HttpClient.HttpClient
    const isReplaced = options.mode === "record"
    return yield* makeWith(options, keptOf(options), options.mode === "replay" ? undefined : transport, isReplaced)
  })

/**
 * Layer with a recorder as `HttpClient`, over another `HttpClient`. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<HttpClient.HttpClient, RecordingError, HttpClient.HttpClient | FileSystem.FileSystem> =>
  Layer.effect(HttpClient.HttpClient, make(options))

/**
 * Layer that replays a file and needs no other transport. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerReplay = (
  options: ReplayOptions
): Layer.Layer<HttpClient.HttpClient, RecordingError, FileSystem.FileSystem> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.zipRight(checkNames(options, replayNames), makeWith(options, readFile(options.file)))
  )
