/** Client metadata (RFC 7591 §2) without secrets: a server may repeat one under any name, and at any depth. */
import * as Predicate from "effect/Predicate"

/** RFC 7518 §6: what only the owner of a key has. */
const privateMembers: ReadonlyArray<string> = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

/** Whether a JWK holds more than the public key. */
export const isPrivateKey = (key: unknown): boolean =>
  Predicate.isRecord(key) && privateMembers.some((member) => Object.hasOwn(key, member))

const secretName = /(?:secret|password|accesstoken|apikey|privatekey)$/

/** `Client_Secret`, `clientSecret` and `x-client-secret` are one name. */
const isSecretName = (name: string): boolean => secretName.test(name.toLowerCase().replaceAll(/[^a-z]/g, ""))

/** A short secret is part of harmless words, too. */
const shortestPart = 8

/** Deeper than any metadata; what is below is left out. */
const mostLevels = 8

/** Leaves out members that are secret by name, and texts and names that hold one of the `secrets`. */
export const withoutSecrets = (
  metadata: Readonly<Record<string, unknown>>,
  secrets: ReadonlyArray<string>
): Readonly<Record<string, unknown>> => {
  const known = secrets.filter((secret) => secret !== "").map((secret) => secret.toLowerCase())
  const isSecret = (text: string): boolean => {
    const folded = text.toLowerCase()
    return known.some((secret) => folded === secret || (secret.length >= shortestPart && folded.includes(secret)))
  }
  const isKept = (value: unknown, level: number): boolean =>
    typeof value === "string" ? !isSecret(value) : typeof value !== "object" || value === null || level < mostLevels
  const copyOf = (value: unknown, level: number): unknown => {
    if (Array.isArray(value)) {
      return value.filter((item) => isKept(item, level)).map((item: unknown) => copyOf(item, level + 1))
    }
    return Predicate.isRecord(value) ? membersOf(value, level) : value
  }
  const membersOf = (value: Readonly<Record<string, unknown>>, level: number): Readonly<Record<string, unknown>> => {
    const isKey = typeof value["kty"] === "string"
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, member]) =>
        isSecretName(name) || isSecret(name) || (isKey && privateMembers.includes(name)) || !isKept(member, level)
          ? []
          : [[name, copyOf(member, level + 1)]]
      )
    )
  }
  return membersOf(metadata, 0)
}
