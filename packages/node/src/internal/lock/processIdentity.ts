import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { readlinkSync } from "node:fs"
import * as Fs from "node:fs/promises"
import { hostname } from "node:os"
import { isMainThread } from "node:worker_threads"
import { tryFileSystem, codeOf } from "../filesystem/systemError.js"

/** A worker thread, as Linux counts threads. It can end while its process goes on. */
const Thread = Schema.Struct({ tid: Schema.Int.pipe(Schema.positive()), start: Schema.NonEmptyString })

/** What identifies a process for good, over recycled process ids and restarts. Empty: this system does not tell. */
const Process = Schema.Struct({
  pid: Schema.Int.pipe(Schema.positive()),
  /** When it started, in clock ticks since the machine did. */
  start: Schema.String,
  /** Changes with every start of the machine. */
  boot: Schema.String,
  /** The namespace in which `pid` counts: a container has one of its own. */
  namespace: Schema.String,
  host: Schema.NonEmptyString,
  /** Tells machines of one name apart. Hashed, since the system's identifier is confidential (machine-id(5)). */
  machine: Schema.String,
  /** The worker thread that it is, where the system tells. */
  thread: Schema.optional(Thread)
})

/** A process, as one that holds a lock describes itself. */
export type Process = typeof Process.Type

const LockOwner = Schema.Struct({ ...Process.fields, nonce: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{32}$/)) })

/** Who holds a lock: a process, and a nonce for this one time that it does. */
export type LockOwner = typeof LockOwner.Type

/** More than an owner can be. */
export const maxOwnerBytes = 4096

const decodeOwner = Schema.decodeUnknownOption(Schema.parseJson(LockOwner))

export const decode = (bytes: Uint8Array): Option.Option<LockOwner> => decodeOwner(new TextDecoder().decode(bytes))

export const encode = (owner: LockOwner): Uint8Array => new TextEncoder().encode(JSON.stringify(owner))

const readOrEmpty = (run: () => Promise<string>): Effect.Effect<string> =>
  Effect.orElseSucceed(tryFileSystem(run), () => "").pipe(Effect.map((text) => text.trim()))

interface ProcessStat {
  readonly pid: string
  readonly state: string
  readonly start: string
}

/** The name in parentheses is the program's own and may hold blanks and parentheses, so its last one counts. */
const parseStat = (text: string): ProcessStat | undefined => {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  const [state, start] = [fields[0], fields[19]]
  return state === undefined || start === undefined
    ? undefined
    : { pid: text.slice(0, text.indexOf(" ")), state, start }
}

const readStat = (task: number | string): Effect.Effect<ProcessStat | undefined> =>
  Effect.map(
    readOrEmpty(() => Fs.readFile(`/proc/${task}/stat`, "utf8")),
    parseStat
  )

/** `/proc/thread-self` is the thread that asks, so this must not be asked from the thread pool of Node. */
const readThreadId = (): number | undefined => {
  try {
    const [, tid] = /\/task\/(\d+)$/.exec(readlinkSync("/proc/thread-self")) ?? []
    return tid === undefined ? undefined : Number(tid)
  } catch {
    return undefined
  }
}

/** The worker thread that this is. The main thread ends with its process. */
const currentThread: Effect.Effect<typeof Thread.Type | undefined> = Effect.gen(function* () {
  const tid = isMainThread ? undefined : readThreadId()
  if (tid === undefined) return undefined
  const stat = yield* readStat(`self/task/${tid}`)
  return stat === undefined ? undefined : { tid, start: stat.start }
})

/** This process. */
export const currentProcess: Effect.Effect<Process> = Effect.gen(function* () {
  const stat = yield* readStat("self")
  const thread = yield* currentThread
  const machineId = yield* readOrEmpty(() => Fs.readFile("/etc/machine-id", "utf8"))
  return {
    pid: process.pid,
    // A /proc of another namespace than ours would tell of other processes.
    start: stat?.pid === String(process.pid) ? stat.start : "",
    boot: yield* readOrEmpty(() => Fs.readFile("/proc/sys/kernel/random/boot_id", "utf8")),
    namespace: yield* readOrEmpty(() => Fs.readlink("/proc/self/ns/pid")),
    host: hostname() || "unknown",
    machine: machineId === "" ? "" : createHash("sha256").update(`countersign:${machineId}`).digest("hex").slice(0, 32),
    ...(thread !== undefined && { thread })
  }
})

/** Whether a lock names this very process, in whatever thread. */
export const isSameProcess = (current: Process, other: Process): boolean =>
  other.pid === current.pid &&
  other.start === current.start &&
  other.boot === current.boot &&
  other.namespace === current.namespace &&
  other.host === current.host &&
  other.machine === current.machine

/** Signal 0 is not sent; it asks. `EPERM`: there is such a process, of another user. */
const processExists = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return codeOf(cause) !== "ESRCH"
  }
}

/** A killed process whose parent has not asked for it yet (`Z`, `X`) still has its id and runs no more. */
const mayBeRunning = (current: Process, other: Process): Effect.Effect<boolean> => {
  if (!processExists(other.pid)) return Effect.succeed(false)
  if (current.start === "" || other.start === "") return Effect.succeed(true)
  return Effect.map(
    readStat(other.pid),
    (stat) => stat === undefined || (stat.start === other.start && stat.state !== "Z" && stat.state !== "X")
  )
}

/**
 * Whether the worker thread that held a lock has ended in a process that goes on. That is known only where the process itself
 * can be seen: some systems hide the processes of other users.
 */
const hasThreadExited = ({ pid, start, thread }: Process): Effect.Effect<boolean> =>
  thread === undefined
    ? Effect.succeed(false)
    : Effect.gen(function* () {
        const task = yield* readStat(`${pid}/task/${thread.tid}`)
        if (task !== undefined) return task.start !== thread.start
        const processStat = yield* readStat(pid)
        return processStat !== undefined && processStat.start === start
      })

/** The namespace that Linux starts with has this number on every machine: a process in it is in no container. */
const initialPidNamespace = "pid:[4026531836]"

/**
 * Whether two processes of different boots are of one machine all the same. Only its identifier tells: containers have
 * none, or that of their image, and may go by one name on two machines.
 */
const isFromEarlierBoot = (current: Process, other: Process): boolean =>
  [current, other].every(
    ({ boot, machine, namespace }) => boot !== "" && machine !== "" && namespace === initialPidNamespace
  )

/**
 * Whether `other` provably runs no more. Of a process on another host, or in another container, nothing can be
 * proven; one from before this machine's restart is gone whatever its id is now.
 */
export const hasExited = (current: Process, other: Process): Effect.Effect<boolean> => {
  if (other.host !== current.host || other.machine !== current.machine) return Effect.succeed(false)
  if (other.boot !== current.boot) return Effect.succeed(isFromEarlierBoot(current, other))
  if (other.namespace !== current.namespace) return Effect.succeed(false)
  return Effect.flatMap(mayBeRunning(current, other), (isRunning) =>
    isRunning ? hasThreadExited(other) : Effect.succeed(true)
  )
}

/** Whether a lock of this process names this very thread. */
export const isSameThread = (current: Process, other: Process): boolean => other.thread?.tid === current.thread?.tid
