// One broken client for each deviation of a provider: without the configuration or the lenient parsing, the case fails.
import { profiles } from "@countersign/testing/OAuthServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as Case from "../src/Case.js"
import { providers } from "../src/cases/providers.js"
import type { Client } from "../src/Client.js"
import * as Mutants from "./support/mutants/providers.js"
import * as Wire from "./support/mutants/wire.js"

/** The broken clients, with the providers where a case fails. */
const mutants: ReadonlyArray<readonly [string, Client, ReadonlyArray<string>]> = [
  [
    "has no quirks",
    Mutants.withoutQuirks,
    [
      ...["atlassian", "entra-organizations", "github", "google", "hubspot", "linkedin", "meta", "shopify", "slack"],
      ...["slack-user", "strava", "supabase", "twitch", "x", "zoho"]
    ]
  ],
  [
    "reads the responses of RFC 6749 only",
    Mutants.strict,
    ["crowdstrike", "linkedin", "netatmo", "shopify", "slack", "slack-user", "supabase", "twitch"]
  ],
  ["encodes client id and secret", Mutants.encodingCredentials, ["spotify"]],
  ["sends the secret in the body", Mutants.secretInBody, ["x"]],
  ["sends no scope with a refresh", Wire.withoutScope, ["entra", "entra-organizations"]],
  ["writes a space as +", Mutants.withPlus, ["cognito"]]
]

const rows = mutants.flatMap(([what, client, names]) => names.map((name) => [name, what, client] as const))

describe("providers", () => {
  it.each(rows)("fail at %s if the client %s", async (name, _, client) => {
    const one = providers.find((one) => one.name === name)
    expect(one).toBeDefined()
    if (one === undefined) return
    const { observed, ok } = await Effect.runPromise(Case.run(one, client))
    expect(ok, observed).toBe(false)
    expect(observed).toMatch(/^(CaseFailed|TokenError): /)
  })

  it("appear in the documentation with each deviation and its source", () => {
    const page = readFileSync(new URL("../../../docs/reference/conformance.md", import.meta.url), "utf8").replaceAll(
      /\s+/g,
      " "
    )
    for (const { configure, deviations, title } of Object.values(profiles)) {
      for (const text of [title, configure, ...deviations.flatMap(({ source, what }) => [source, what])]) {
        expect(page).toContain(text)
      }
    }
  })
})
