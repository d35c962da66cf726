import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** What the operating system refused, by its own name. The message of Node's error is dropped: the code says it all. */
export class SystemError extends Data.TaggedError("SystemError")<{ readonly code: string }> {}

/** The system's name of an error; `UNKNOWN` for what is none. */
export const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "UNKNOWN"

/** Runs one call into the file system; whatever it throws or rejects with is a {@link SystemError}. */
export const tryFileSystem = <A>(run: () => Promise<A>): Effect.Effect<A, SystemError> =>
  Effect.tryPromise({ try: run, catch: (cause) => new SystemError({ code: codeOf(cause) }) })

const explanations: Record<string, string> = {
  ENOSPC: "the disk is full: make room",
  EDQUOT: "the disk quota is used up: make room",
  EROFS: "the file system is read-only: choose another path",
  EACCES: "permission denied: check who owns it and its folder",
  EPERM: "the file system does not permit it: choose another path",
  EMFILE: "this process has too many files open",
  ENFILE: "the system has too many files open",
  EIO: "the disk reports an error: check it",
  ENAMETOOLONG: "the name is too long: choose a shorter one",
  ENOTDIR: "a part of its path is not a folder",
  ENOENT: "it is gone: something else removes files there"
}

/** For a message: what went wrong, what to do where that is known, and the system's own code. */
export const explain = ({ code }: SystemError): string => `${explanations[code] ?? "the system refused"} (${code})`

/** A path for a message: quoted, so that blanks and control characters in it are seen and do no harm. */
export const quote = (path: string): string => JSON.stringify(path)
