import { DescribedFailure } from "../errors/describedFailure.js"

/** The longest path of a Unix socket, in bytes: `sun_path` of macOS and of Linux, without its end. */
const maxPathBytes = process.platform === "darwin" ? 103 : 107

const describeProblem = (path: string, code: string): string => {
  if (Buffer.byteLength(path) > maxPathBytes) return `is longer than ${maxPathBytes} bytes`
  switch (code) {
    case "ENOENT":
      return "does not exist"
    case "ENOTSOCK":
      return "is not a socket"
    case "EACCES":
    case "EPERM":
      return "may not be used by this process"
    default:
      return "accepts no connection"
  }
}

/** A failure to connect to a Unix socket, which names the option and its value. */
export const describeSocketPathError = (path: string, error: Error): Error => {
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined
  // A handshake over it fails like any other.
  if (error instanceof DescribedFailure || !("syscall" in error)) return error
  const detail = `the socketPath "${path}" ${describeProblem(path, code ?? "")}`
  return new DescribedFailure({ reason: "ConnectionRefused", code, detail }, error)
}
