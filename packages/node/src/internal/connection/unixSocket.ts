import { DescribedFailure } from "../errors/describedFailure.js"

/** Maximum length of a Unix socket path in bytes: `sun_path` of macOS and Linux, without its terminator. */
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
      return "is not accessible to this process"
    default:
      return "does not accept connections"
  }
}

/** Describes a failed connection to a Unix socket by the option and its value. */
export const describeSocketPathError = (path: string, error: Error): Error => {
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined
  // Errors of the TLS handshake have their own description.
  if (error instanceof DescribedFailure || !("syscall" in error)) return error
  const detail = `socketPath "${path}" ${describeProblem(path, code ?? "")}`
  return new DescribedFailure({ reason: "ConnectionRefused", code, detail }, error)
}
