import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"

describe("errors of tokens", () => {
  it("say what is missing and why", () => {
    const error = new TokenError({ reason: "Rejected", detail: "d", error: "invalid_client" })
    expect(error.message).toBe("No access token is available: d.")
    expect(new TokenStoreError({ reason: "LockTimeout", detail: "d" }).message).toBe("The token store failed: d.")
  })

  it.each([
    ["the server is busy", "The token store failed: the server is busy."],
    ["the server is busy.", "The token store failed: the server is busy."],
    ['answered "locked"', 'The token store failed: answered "locked".'],
    // A user copies the command.
    ['it is readable. Run: chmod 600 "/x/tokens"', 'The token store failed: it is readable. Run: chmod 600 "/x/tokens"']
  ])("end with a period, but not after a command: %s", (detail, message) => {
    expect(new TokenStoreError({ reason: "Insecure", detail }).message).toBe(message)
  })
})
