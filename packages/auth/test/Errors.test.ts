import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"

describe("errors of tokens", () => {
  it("say what is missing and why", () => {
    const error = new TokenError({ reason: "Rejected", detail: "d", error: "invalid_client" })
    expect(error.message).toBe("No access token is available: d")
    expect(new TokenStoreError({ reason: "LockTimeout", detail: "d" }).message).toBe("The token store failed: d")
  })
})
