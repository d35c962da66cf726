import { describe, expect, it } from "@effect/vitest"
import { addressForms } from "../../../src/internal/connection/addressForms.js"

describe("addressForms", () => {
  const table: ReadonlyArray<readonly [address: string, forms: ReadonlyArray<string>]> = [
    ["127.0.0.1", ["127.0.0.1"]],
    ["8.8.8.8", ["8.8.8.8"]],
    ["::1", ["::1"]],
    ["::ffff:127.0.0.1", ["127.0.0.1"]],
    ["::ffff:0:0", ["0.0.0.0", "127.0.0.1"]],
    ["0.0.0.0", ["0.0.0.0", "127.0.0.1"]],
    ["::", ["::", "::1"]],
    ["::7f00:1", ["::7f00:1", "127.0.0.1"]],
    ["::127.0.0.1", ["::7f00:1", "127.0.0.1"]],
    ["64:ff9b::127.0.0.1", ["64:ff9b::7f00:1", "127.0.0.1"]],
    ["64:ff9b:1::a9fe:a9fe", ["64:ff9b:1::a9fe:a9fe", "169.254.169.254"]],
    ["64:ff9b::", ["64:ff9b::", "0.0.0.0", "127.0.0.1"]],
    ["2002:7f00:1::", ["2002:7f00:1::", "127.0.0.1"]],
    ["2002:a9fe:a9fe:1:2:3:4:5", ["2002:a9fe:a9fe:1:2:3:4:5", "169.254.169.254"]],
    ["2001:0:4136:e378:8000:63bf:3fff:fdd2", ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"]],
    ["2001:db8::1", ["2001:db8::1"]],
    ["fe80::1%eth0", ["fe80::1%eth0"]]
  ]

  for (const [address, forms] of table) {
    it(`returns ${forms.join(" and ")} for ${address}`, () => {
      expect(addressForms(address)).toEqual(forms)
    })
  }
})
