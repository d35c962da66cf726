import type * as Duration from "effect/Duration"
import type * as Stream from "effect/Stream"

/** Response headers of a script. A list sends the header once per value, as `set-cookie` needs. */
export type HeadersInput = Readonly<Record<string, string | ReadonlyArray<string>>>

export interface Respond {
  readonly _tag: "Respond"
  readonly status: number
  readonly headers: HeadersInput
  readonly body: Stream.Stream<Uint8Array, unknown> | Uint8Array | undefined
}

interface Fail {
  readonly _tag: "Fail"
  readonly error: Error
}

interface Never {
  readonly _tag: "Never"
}

interface Delay {
  readonly _tag: "Delay"
  readonly duration: Duration.DurationInput
  readonly step: Step
}

export type Step = Respond | Fail | Never | Delay

/** What a step does, in one or two words: `200`, `ECONNRESET`, `no response`. */
export const describe = (step: Step): string => {
  switch (step._tag) {
    case "Respond":
      return String(step.status)
    case "Fail":
      return "code" in step.error ? String(step.error.code) : step.error.message
    case "Never":
      return "no response"
    case "Delay":
      return describe(step.step)
  }
}

/** The error that undici raises with a code. Known codes have undici's message. */
export const codedError = (code: string, message = messages[code] ?? code): Error =>
  Object.assign(new Error(message), { code })

const messages: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect ECONNREFUSED 192.0.2.1:443",
  ECONNRESET: "read ECONNRESET",
  ENOTFOUND: "getaddrinfo ENOTFOUND host.invalid",
  EPIPE: "write EPIPE",
  UND_ERR_SOCKET: "other side closed",
  UND_ERR_CONNECT_TIMEOUT: "Connect Timeout Error",
  UND_ERR_HEADERS_TIMEOUT: "Headers Timeout Error",
  UND_ERR_BODY_TIMEOUT: "Body Timeout Error"
}
