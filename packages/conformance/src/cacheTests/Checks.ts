/** Whether a case of the HTTP cache tests holds. */
import type { Received, Running } from "./OriginServer.js"
import { valueOf } from "./OriginServer.js"
import type { Expectation, Step } from "./Suite.js"

/** A response as the caller received it. */
export interface Observed {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

/** Why a case does not hold. With `isSetup` its preparation failed, so it says nothing about the cache. */
export interface Failure {
  readonly isSetup: boolean
  readonly message: string
}

/** A check: its name in the data, whether it holds, and a message if it does not. */
type Check = readonly [member: string, holds: boolean, message: string]

const isSetup = ({ setup, setup_tests = [] }: Step, member: string): boolean =>
  setup === true || member === "always" || setup_tests.includes(member)

/** The first failure. Failures of the preparation count first. */
const firstFailure = (step: Step, checks: ReadonlyArray<Check>): Failure | undefined => {
  const failed = checks.find(([, holds]) => !holds)
  return failed === undefined ? undefined : { isSetup: isSetup(step, failed[0]), message: failed[2] }
}

const typeChecks = (step: Step, number: number, { headers, status }: Observed): ReadonlyArray<Check> => {
  const count = Number(headers["server-request-count"])
  const isCached = count < number || (status === 304 && Number.isNaN(count))
  if (step.expected_type === "cached")
    return [["expected_type", isCached, `response ${number} does not come from the cache`]]
  return step.expected_type === "not_cached"
    ? [["expected_type", count === number, `response ${number} comes from the cache`]]
    : []
}

const statusCheck = (step: Step, number: number, { status }: Observed): Check => {
  const { expected_status: expected, response_status: sent } = step
  const is = (wanted: number) => `status of response ${number}: ${status}, expected ${wanted}`
  if (expected === null) return ["expected_status", true, ""]
  if (expected !== undefined) return ["expected_status", status === expected, is(expected)]
  if (sent !== undefined) return ["always", status === sent[0], is(sent[0])]
  if (status === 999) return ["expected_type", false, `request ${number} was not conditional`]
  return ["always", status === 200, is(200)]
}

const nameOf = (expectation: Expectation): string =>
  String(typeof expectation === "string" ? expectation : expectation[0]).toLowerCase()

const hasExpected = (expectation: Expectation, { headers }: Observed): boolean => {
  const value = headers[nameOf(expectation)]
  if (typeof expectation === "string" || value === undefined) return value !== undefined
  const [, operator, operand] = expectation
  if (operator === "=" && operand !== undefined) return value === headers[String(operand)]
  if (operator === ">") return Number.parseInt(value, 10) > Number(operand)
  return value === valueOf(expectation, Number(headers["server-now"]))
}

const lacksExpected = (expectation: Expectation, { headers }: Observed): boolean => {
  const value = headers[nameOf(expectation)]
  return typeof expectation === "string" ? value === undefined : value?.includes(String(expectation[1])) !== true
}

const fieldChecks = (step: Step, number: number, observed: Observed): ReadonlyArray<Check> => [
  ...(step.expected_response_headers ?? []).map((one): Check => {
    const message = `response ${number} has ${nameOf(one)}: ${observed.headers[nameOf(one)]}, expected ${String(one)}`
    return ["expected_response_headers", hasExpected(one, observed), message]
  }),
  ...(step.expected_response_headers_missing ?? []).map((one): Check => {
    const message = `response ${number} has ${nameOf(one)}: ${observed.headers[nameOf(one)]}`
    return ["expected_response_headers_missing", lacksExpected(one, observed), message]
  })
]

const bodyCheck = (step: Step, number: number, id: string, { status, text }: Observed): ReadonlyArray<Check> => {
  if (step.check_body === false || step.expected_response_text === null) return []
  const is = (wanted: string) => `body of response ${number}: "${text}", expected "${wanted}"`
  const { expected_response_text: expected, response_body: sent } = step
  if (expected !== undefined) return [["expected_response_text", text === expected, is(expected)]]
  if (typeof sent === "string") return [["always", text === sent, is(sent)]]
  const isEmpty = status === 204 || status === 304 || step.request_method === "HEAD"
  return isEmpty ? [] : [["always", text === id, is(id)]]
}

/** Checks one response. */
export const checkResponse = (
  { test }: Running,
  id: string,
  number: number,
  observed: Observed
): Failure | undefined => {
  const step = test.requests[number - 1]
  if (step === undefined) return undefined
  const numbers = (observed.headers["request-numbers"] ?? "").split(" ")
  return firstFailure(step, [
    ["always", new Set(numbers).size === numbers.length, "a request was sent twice"],
    ...typeChecks(step, number, observed),
    statusCheck(step, number, observed),
    ...fieldChecks(step, number, observed),
    ...bodyCheck(step, number, id, observed)
  ])
}

const conditionOf = { etag_validated: "if-none-match", lm_validated: "if-modified-since" } as const

const requestChecks = (step: Step, number: number, received: Received | undefined): ReadonlyArray<Check> => {
  const type = step.expected_type
  const condition = type === "etag_validated" || type === "lm_validated" ? conditionOf[type] : undefined
  return [
    ["expected_type", type !== "not_cached" || received?.number === number, `request ${number} was not sent`],
    [
      "expected_type",
      condition === undefined || received?.headers[condition] !== undefined,
      `request ${number} has no ${condition}`
    ],
    [
      "expected_method",
      step.expected_method === undefined || received?.method === step.expected_method,
      "another method"
    ],
    ...(step.expected_request_headers ?? []).map((one): Check => {
      const value = received?.headers[nameOf(one)]
      const holds = typeof one === "string" ? value !== undefined : value === one[1]
      return ["expected_request_headers", holds, `request ${number} has ${nameOf(one)}: ${String(value)}`]
    })
  ]
}

const sentChecks = (number: number, received: Received | undefined, observed: Observed | undefined) =>
  [...(received?.sent ?? [])].map(([name, value]): Check => {
    const arrived = observed?.headers[name]
    const message = `response ${number} has ${name}: ${arrived}, expected ${value}`
    return ["always", name === "date" || arrived === value, message]
  })

/** Checks what the server received, when all requests were made. */
export const checkRequests = (
  running: Running,
  responses: ReadonlyArray<Observed | undefined>
): Failure | undefined => {
  let index = 0
  for (const [position, step] of running.test.requests.entries()) {
    if (step.expected_type === "cached") continue
    const received = running.received[index++]
    const failure = firstFailure(step, [
      ...requestChecks(step, position + 1, received),
      ...sentChecks(position + 1, received, responses[position])
    ])
    if (failure !== undefined) return failure
  }
  return undefined
}
