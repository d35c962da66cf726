import { InvalidRequest } from "@countersign/client/Errors"
import * as Redacted from "effect/Redacted"

/** Whether a credential is empty or blank, as with an unset variable. Servers treat it as missing. */
export const isBlank = (secret: Redacted.Redacted<string>): boolean => Redacted.value(secret).trim() === ""

/** The error for a blank credential. */
export const blank = (what: "token" | "key"): InvalidRequest =>
  new InvalidRequest({ reason: "Credentials", detail: `the ${what} is empty: configure one` })
