import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { readlinkSync } from "node:fs"
import * as Fs from "node:fs/promises"
import { hostname } from "node:os"
import { isMainThread } from "node:worker_threads"
import { tryFileSystem, codeOf } from "../filesystem/systemError.js"
import { sha256Hex } from "../hash/sha256.js"

/** A worker thread of Linux. It can end before its process. */
const Thread = Schema.Struct({ tid: Schema.Int.pipe(Schema.positive()), start: Schema.NonEmptyString })

/**
 * Identifies a process, even after its process id is reused or the machine restarts. An empty field is unknown on this
 * system.
 */
const Process = Schema.Struct({
  pid: Schema.Int.pipe(Schema.positive()),
  /** Start time, in clock ticks since the machine started. */
  start: Schema.String,
  /** The boot id, which changes with each start of the machine. */
  boot: Schema.String,
  /** The namespace of `pid`. Each container has its own. */
  namespace: Schema.String,
  host: Schema.NonEmptyString,
  /**
   * Distinguishes machines of the same name. Hashed, because the system's identifier is confidential (machine-id(5)).
   */
  machine: Schema.String,
  /** The worker thread, if the system reports it. */
  thread: Schema.optional(Thread)
})

/** A process, as a lock file describes its owner. */
export type Process = typeof Process.Type

const LockOwner = Schema.Struct({ ...Process.fields, nonce: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{32}$/)) })

/** The owner of a lock: a process, and a nonce for this one acquisition. */
export type LockOwner = typeof LockOwner.Type

/** Maximum size of a serialized owner. */
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

/** Parses `/proc/<pid>/stat`. The program name in parentheses may contain parentheses, so the last one is used. */
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

/** The id of the calling thread. Synchronous, because the thread pool of Node has other threads. */
const readThreadId = (): number | undefined => {
  try {
    const [, tid] = /\/task\/(\d+)$/.exec(readlinkSync("/proc/thread-self")) ?? []
    return tid === undefined ? undefined : Number(tid)
  } catch {
    return undefined
  }
}

/** The current worker thread. Undefined in the main thread, which ends with its process. */
const currentThread: Effect.Effect<typeof Thread.Type | undefined> = Effect.gen(function* () {
  const tid = isMainThread ? undefined : readThreadId()
  if (tid === undefined) return undefined
  const stat = yield* readStat(`self/task/${tid}`)
  return stat === undefined ? undefined : { tid, start: stat.start }
})

/** The identity of this process. */
export const currentProcess: Effect.Effect<Process> = Effect.gen(function* () {
  const stat = yield* readStat("self")
  const thread = yield* currentThread
  const machineId = yield* readOrEmpty(() => Fs.readFile("/etc/machine-id", "utf8"))
  return {
    pid: process.pid,
    // The /proc of another pid namespace describes other processes.
    start: stat?.pid === String(process.pid) ? stat.start : "",
    boot: yield* readOrEmpty(() => Fs.readFile("/proc/sys/kernel/random/boot_id", "utf8")),
    namespace: yield* readOrEmpty(() => Fs.readlink("/proc/self/ns/pid")),
    host: hostname() || "unknown",
    machine: machineId === "" ? "" : sha256Hex(`countersign:${machineId}`).slice(0, 32),
    ...(thread !== undefined && { thread })
  }
})

/** Whether a lock file names this process, in any thread. */
export const isSameProcess = (current: Process, other: Process): boolean =>
  other.pid === current.pid &&
  other.start === current.start &&
  other.boot === current.boot &&
  other.namespace === current.namespace &&
  other.host === current.host &&
  other.machine === current.machine

/** Signal 0 only tests the process. `EPERM`: the process exists and belongs to another user. */
const processExists = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return codeOf(cause) !== "ESRCH"
  }
}

/** Whether a process of this boot and namespace may run. A zombie (`Z`, `X`) has a process id but has exited. */
const mayBeRunning = (current: Process, other: Process): Effect.Effect<boolean> => {
  if (!processExists(other.pid)) return Effect.succeed(false)
  if (current.start === "" || other.start === "") return Effect.succeed(true)
  return Effect.map(
    readStat(other.pid),
    (stat) => stat === undefined || (stat.start === other.start && stat.state !== "Z" && stat.state !== "X")
  )
}

/**
 * Whether the worker thread of a lock has ended while its process continues. It can only be known if the process is
 * visible: some systems hide the processes of other users.
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

/** The number of Linux's initial pid namespace on every machine. A process in it is not in a container. */
const initialPidNamespace = "pid:[4026531836]"

/**
 * Whether two processes of different boots ran on the same machine. Only the machine's identifier shows it. Containers
 * have no identifier or that of their image, and may have the same name on two machines.
 */
const isFromEarlierBoot = (current: Process, other: Process): boolean =>
  [current, other].every(
    ({ boot, machine, namespace }) => boot !== "" && machine !== "" && namespace === initialPidNamespace
  )

/**
 * Whether `other` has provably exited. For a process of another host or container this is never known. A process from
 * before the machine's restart has exited.
 */
export const hasExited = (current: Process, other: Process): Effect.Effect<boolean> => {
  if (other.host !== current.host || other.machine !== current.machine) return Effect.succeed(false)
  if (other.boot !== current.boot) return Effect.succeed(isFromEarlierBoot(current, other))
  if (other.namespace !== current.namespace) return Effect.succeed(false)
  return Effect.flatMap(mayBeRunning(current, other), (isRunning) =>
    isRunning ? hasThreadExited(other) : Effect.succeed(true)
  )
}

/** Whether a lock of this process belongs to the current thread. */
export const isSameThread = (current: Process, other: Process): boolean => other.thread?.tid === current.thread?.tid
