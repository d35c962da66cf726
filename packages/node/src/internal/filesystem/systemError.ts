import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/**
 * An error of the operating system, by its code. Node's message is dropped, because the code has all of its
 * information.
 */
export class SystemError extends Data.TaggedError("SystemError")<{ readonly code: string }> {}

/** The code of a system error; `UNKNOWN` for any other value. */
export const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "UNKNOWN"

/** Runs one file system operation. Every exception becomes a {@link SystemError}. */
export const tryFileSystem = <A>(run: () => Promise<A>): Effect.Effect<A, SystemError> =>
  Effect.tryPromise({ try: run, catch: (cause) => new SystemError({ code: codeOf(cause) }) })

const explanations: Record<string, readonly [cause: string, advice?: string]> = {
  ENOSPC: ["the disk is full", "Free some space."],
  EDQUOT: ["the disk quota is used up", "Free some space."],
  EROFS: ["the file system is read-only", "Choose another path."],
  EACCES: ["permission denied", "Check the owner of the file and of its folder."],
  EPERM: ["the file system does not permit it", "Choose another path."],
  EMFILE: ["this process has too many files open"],
  ENFILE: ["the system has too many files open"],
  EIO: ["the disk reports an error", "Check the disk."],
  ENAMETOOLONG: ["the name is too long", "Choose a shorter name."],
  EISDIR: ["a folder has that name", "Choose the path of a file."],
  EFBIG: ["the file is too large for the file system", "Choose a folder on another file system."],
  ENOTDIR: ["a part of the path is not a folder", "Check the path."],
  ENOENT: ["the file or its folder is missing", "Check whether another program removes files there."]
}

/** Describes an error: the cause, the remedy if it is known, and the system's code. */
export const explain = ({ code }: SystemError): string => {
  const [cause, advice] = explanations[code] ?? ["the operating system reported an error"]
  return advice === undefined ? `${cause} (${code})` : `${cause} (${code}). ${advice}`
}

/** Quotes a path for a message, so that blanks and control characters are visible. */
export const quote = (path: string): string => JSON.stringify(path)
