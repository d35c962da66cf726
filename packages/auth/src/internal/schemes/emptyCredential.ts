import { InvalidRequest } from "@countersign/client/Errors"
import * as Redacted from "effect/Redacted"

/** Whether a credential is empty or blank: a variable that is not set, mostly. Servers take it for none. */
export const isBlank = (secret: Redacted.Redacted<string>): boolean => Redacted.value(secret).trim() === ""

/** The error of a blank credential. */
export const blank = (what: "token" | "key"): InvalidRequest =>
  new InvalidRequest({ reason: "Credentials", detail: `the ${what} is empty: configure one` })
