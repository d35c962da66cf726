/** Whether the origin receives what the caller sent: each method, body and header field, over each transport. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as CookieJar from "@countersign/client/CookieJar"
import { describe, expect, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Received } from "./matrix/origin.js"
import type { BodyKind, HeaderKind } from "./matrix/requests.js"
import { bodyKinds, formEntries, headerKinds, sentForm } from "./matrix/requests.js"
import type { Setup, Transport } from "./matrix/transports.js"
import { transports } from "./matrix/transports.js"
import { certificates } from "./support/certificates.js"

const verbs = {
  get: "GET",
  head: "HEAD",
  post: "POST",
  put: "PUT",
  patch: "PATCH",
  del: "DELETE",
  options: "OPTIONS"
} as const
type Method = keyof typeof verbs
const methods: ReadonlyArray<Method> = ["get", "head", "post", "put", "patch", "del", "options"]

/** A path and a query that must arrive unchanged: RFC 3986 §6.2.2. */
const target = "/p/%C3%A4%2f~x;v=1,2:@$/?flag&name=a%20b&f[n]=1&sig=~x+y&e=%7E&q=(*)!"

const clientOf = ({ http, origin }: Setup, { auth, cookies, defaults }: HeaderKind) =>
  Effect.gen(function* () {
    const jar = yield* CookieJar.makeMemory
    if (cookies !== undefined) yield* jar.store(origin.url, cookies)
    return yield* ApiClient.make({
      baseUrl: origin.url,
      userAgent: false,
      auth,
      headers: defaults,
      retry: false,
      cookies: jar
    })
  }).pipe(Effect.provideService(HttpClient.HttpClient, http))

const isAnticipated = (method: Method): boolean => method === "post" || method === "put" || method === "patch"

/** The header fields that the origin must receive. */
const expectedFields = (method: Method, body: BodyKind, header: HeaderKind, transport: Transport, length: number) => {
  const expected: Record<string, string | RegExp> = { ...transport.adds(verbs[method]), ...header.fields }
  if (body.type === "form") expected["content-type"] = /^multipart\/form-data; ?boundary=[-\w]+$/
  else if (body.type !== undefined && !(body.isTypeDefault && "content-type" in expected)) {
    expected["content-type"] = body.type
  }
  if (body.framing !== "chunked") {
    // RFC 9110 §8.6: methods that anticipate content send a length of 0 too.
    if (length > 0 || isAnticipated(method)) expected["content-length"] = String(length)
  } else if (transport.isHttp2 !== true) expected["transfer-encoding"] = "chunked"
  return expected
}

const differingFields = (fields: Received["fields"], expected: Readonly<Record<string, string | RegExp>>) => {
  const rest = new Map(Object.entries(expected))
  const problems = fields.flatMap(([name, value]) => {
    const wanted = rest.get(name)
    rest.delete(name)
    if (wanted === undefined) return [`${name} is ${name in expected ? "sent twice" : `added: ${value}`}`]
    return (typeof wanted === "string" ? wanted === value : wanted.test(value)) ? [] : [`${name} is ${value}`]
  })
  return [...problems, ...[...rest.keys()].map((name) => `${name} is missing`)]
}

const differingBody = async ({ body, fields }: Received, { bytes }: BodyKind): Promise<ReadonlyArray<string>> => {
  if (bytes !== "form") return body.equals(bytes) ? [] : [`the body has ${body.length} bytes`]
  const type = fields.find(([name]) => name === "content-type")?.[1] ?? ""
  const entries = await new Response(new Uint8Array(body), { headers: { "content-type": type } })
    .formData()
    .then(formEntries, String)
  return JSON.stringify(entries) === JSON.stringify(await sentForm) ? [] : [`the form is ${JSON.stringify(entries)}`]
}

/** Differences between what the origin received and what the caller sent. */
const differences = async (
  { received }: Setup["origin"],
  method: Method,
  body: BodyKind,
  header: HeaderKind,
  transport: Transport
): Promise<ReadonlyArray<string>> => {
  const [first, ...more] = received.splice(0)
  if (first === undefined) return ["nothing arrives"]
  return [
    ...(more.length === 0 ? [] : [`${more.length} more requests arrive`]),
    ...(first.method === verbs[method] ? [] : [`the method is ${first.method}`]),
    ...(first.path === target ? [] : [`the path is ${first.path}`]),
    ...differingFields(first.fields, expectedFields(method, body, header, transport, first.body.length)),
    ...(await differingBody(first, body))
  ]
}

for (const [name, transport] of Object.entries(transports)) {
  describe.skipIf(transport.needsTls === true && certificates === undefined)(name, () => {
    for (const [kind, make] of Object.entries(bodyKinds)) {
      it.live(`sends ${kind} with every method and header field unchanged`, () =>
        Effect.gen(function* () {
          const setup = yield* transport.setup
          const problems = new Map<string, Set<Method>>()
          for (const header of Object.values(headerKinds)) {
            const api = yield* clientOf(setup, header)
            for (const method of methods) {
              const body = make()
              const options = header.own === undefined ? body.options : { ...body.options, headers: header.own }
              const exit = yield* Effect.exit(
                Effect.timeout(
                  api.request(method === "del" ? "DELETE" : method.toUpperCase(), target, options),
                  "10 seconds"
                )
              )
              const found = yield* Effect.promise(() => differences(setup.origin, method, body, header, transport))
              const failed = Exit.isFailure(exit) ? ["it fails"] : []
              for (const one of [...failed, ...found]) problems.set(one, (problems.get(one) ?? new Set()).add(method))
            }
          }
          const all = [...problems].map(([what, methods]) => `${what} (${[...methods].sort().join(", ")})`)
          expect(all).toEqual(transport.deviates?.[kind] ?? [])
        }).pipe(Effect.scoped)
      )
    }
  })
}
