import * as Headers from "@effect/platform/Headers"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"

/** An answer of the token endpoint that is none of its own. */
export interface Fault {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** Whether the grant is carried out before its answer is replaced. */
  readonly afterGrant: boolean
}

/** One call of the token endpoint as a script of faults sees it. */
export interface TokenCall {
  readonly index: number
  readonly grantType: string | undefined
  readonly at: number
}

export type Script = ReadonlyArray<Fault | undefined> | ((call: TokenCall) => Fault | undefined)

export const pick = (script: Script, call: TokenCall): Fault | undefined =>
  typeof script === "function" ? script(call) : script[call.index]

export const answer = ({ body, headers: input, status }: Fault): HttpServerResponse.HttpServerResponse => {
  const headers = Headers.fromInput(input)
  const bytes = new TextEncoder().encode(body)
  // A status without content refuses a body in the in-memory transport, as the Fetch standard has it.
  return status === 204 || status === 304
    ? HttpServerResponse.empty({ status, headers })
    : HttpServerResponse.uint8Array(bytes, { status, headers, contentType: headers["content-type"] ?? "text/html" })
}
