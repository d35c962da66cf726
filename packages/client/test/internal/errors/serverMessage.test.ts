import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { messageOfJson, messageOfProblem, messageOfText } from "../../../src/internal/errors/serverMessage.js"

describe("messageOfJson", () => {
  it.each<readonly [string, unknown]>([
    ["GitHub", { message: "words", errors: [{ resource: "Issue", code: "missing_field" }], documentation_url: "u" }],
    ["NestJS", { statusCode: 400, message: ["words", "name must be a string"], error: "Bad Request" }],
    ["Spring without a message", { timestamp: 1, status: 404, error: "words", message: "", path: "/x" }],
    ["AWS", { Message: "words" }],
    ["Google", { error: { code: 404, message: "words", status: "NOT_FOUND", errors: [{ message: "no" }] } }],
    ["Anthropic", { type: "error", error: { type: "not_found_error", message: "words" } }],
    ["OAuth 2.0", { error: "invalid_grant", error_description: "words" }],
    ["GraphQL", { errors: [{ message: "words", path: ["x"] }, { message: "no" }] }],
    ["Cloudflare", { success: false, errors: [{ code: 7003, message: "words" }], messages: [] }],
    ["JSON:API", { errors: [{ status: "422", title: "Invalid", detail: "words" }] }],
    ["JSON:API without a detail", { errors: [{ title: "words" }] }],
    ["Rails", { errors: ["words", "Email is invalid"] }],
    ["Django REST framework", { detail: "words" }],
    ["FastAPI", { detail: [{ loc: ["body", "id"], msg: "words", type: "missing" }] }],
    ["Elasticsearch", { error: { type: "index_not_found_exception", reason: "words" }, status: 404 }],
    ["Slack", { ok: false, error: "words" }],
    ["ASP.NET", { title: "words", status: 400, errors: { Id: ["is required"] } }],
    ["a detail beside a title and a code", { title: "Bad Request", error: "bad_request", detail: "words" }],
    ["msg", { code: "E1", msg: "words" }],
    ["Telegram", { ok: false, error_code: 401, description: "words" }],
    ["AWS Lambda", { errorMessage: "words", errorType: "TypeError" }],
    ["Jira", { errorMessages: ["words"], errors: {} }],
    ["Apigee", { fault: { faultstring: "words", detail: { errorcode: "x" } } }],
    ["Salesforce", [{ message: "words", errorCode: "INVALID_SESSION_ID" }]],
    ["a JSON string", "words"],
    ["a text with white space around it", { message: " \n words\t" }]
  ])("reads the text of %s", (_name, json) => {
    expect(messageOfJson(json)).toBe("words")
  })

  it.each<readonly [string, unknown, string]>([
    ["Rails", { errors: { name: ["is blank", "is too short"], age: ["is missing"] } }, "name: is blank"],
    ["a text for each member", { errors: { name: "is blank" } }, "name: is blank"],
    [
      "a million members",
      { errors: Object.fromEntries(Array.from({ length: 1e6 }, (_, n) => [`m${n}`, "x"])) },
      "m0: x"
    ]
  ])("names the first member of the errors of %s", (_name, json, text) => {
    expect(messageOfJson(json)).toBe(text)
  })

  it.each<readonly [string, unknown]>([
    ["no errors", { errors: {} }],
    ["errors of another shape", { errors: { name: { is: "blank" } } }],
    ["null", null],
    ["a number", 42],
    ["no document", undefined],
    ["an empty object", {}],
    ["an empty list", []],
    ["blank texts", { message: " \n", error: "", detail: [], errors: [""] }],
    ["values of other types", { message: 1, error: { message: {} }, errors: [[["x"]]], detail: true, title: null }],
    ["other members", { access_token: "x", data: { message: "x" } }],
    ["a list in an object", { detail: { 0: { msg: "x" } } }]
  ])("finds nothing in %s", (_name, json) => {
    expect(messageOfJson(json)).toBeUndefined()
  })

  it("ignores members of the prototype", () => {
    expect(messageOfJson(JSON.parse('{"__proto__":{"message":"x"}}'))).toBeUndefined()
    expect(messageOfJson(Object.create({ message: "x" }))).toBeUndefined()
  })

  it("calls no accessor", () => {
    const hostile = {
      get message(): string {
        throw new Error("called")
      },
      detail: "words"
    }
    expect(messageOfJson(hostile)).toBe("words")
  })

  it("takes no longer for deep, wide and long documents", () => {
    const depth = 30_000
    const deep: unknown = JSON.parse(`${'{"error":'.repeat(depth)}1${"}".repeat(depth)}`)
    const wide = Array.from({ length: 1_000_000 }, (_, index) => (index === 0 ? {} : "x"))
    const members = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, index]))
    const long = "x".repeat(10_000_000)
    const started = performance.now()
    const found = [deep, wide, { errors: wide }, members, { message: long }].map(messageOfJson)
    expect(performance.now() - started).toBeLessThan(500)
    expect(found).toEqual([undefined, undefined, undefined, undefined, long])
  })

  it("never throws on random JSON", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.jsonValue(),
        FastCheck.constantFrom("message", "error", "errors", "detail"),
        (v, key) => {
          for (const json of [v, { [key]: v }, [{ [key]: v }]]) {
            const found = messageOfJson(json)
            expect(found === undefined || found.trim() !== "").toBe(true)
          }
        }
      )
    )
  })
})

describe("messageOfText", () => {
  it.each<readonly [string, string | undefined]>([
    ["Not Found", "Not Found"],
    ["\n\n  rate limit exceeded  \r\nsecond line", "rate limit exceeded"],
    ["a < b", "a < b"],
    ["", undefined],
    [" \n\t", undefined],
    ["<!doctype html><title>502</title>", undefined],
    ["\n <?xml version='1.0'?><Error/>", undefined]
  ])("reads the first line of %j, but no markup", (text, message) => {
    expect(messageOfText(text)).toBe(message)
  })
})

describe("messageOfProblem", () => {
  it.each([
    [undefined, undefined],
    [{}, undefined],
    [{ title: " ", detail: "" }, undefined],
    [{ title: "Out of credit" }, "Out of credit"],
    [{ detail: "30 < 50" }, "30 < 50"],
    [{ title: "Out of credit", detail: "30 < 50" }, "Out of credit: 30 < 50"],
    [{ title: "Not Found", detail: "Not Found: order 5" }, "Not Found: order 5"],
    [{ title: "Not Found", detail: "Not Found" }, "Not Found"]
  ])("joins title and detail of %j", (problem, message) => {
    expect(messageOfProblem(problem)).toBe(message)
  })
})
