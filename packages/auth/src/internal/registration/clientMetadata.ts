/** Removes secrets from client metadata (RFC 7591 §2). A server may repeat a secret under any name and at any depth. */
import * as Predicate from "effect/Predicate"

/** Private members of a JWK (RFC 7518 §6). */
const privateMembers: ReadonlyArray<string> = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

/** Whether a JWK has private members. */
export const isPrivateKey = (key: unknown): boolean =>
  Predicate.isRecord(key) && privateMembers.some((member) => Object.hasOwn(key, member))

const secretName = /(?:secret|password|accesstoken|apikey|privatekey)$/

/** `Client_Secret`, `clientSecret` and `x-client-secret` count as the same name. */
const isSecretName = (name: string): boolean => secretName.test(name.toLowerCase().replaceAll(/[^a-z]/g, ""))

/** A shorter secret may be part of a harmless word, so it has to match the whole text. */
const minPartLength = 8

/** Maximum depth. Deeper members are left out. */
const maxDepth = 8

/** Leaves out members that are secret by name, and texts and names that hold one of the `secrets`. */
export const withoutSecrets = (
  metadata: Readonly<Record<string, unknown>>,
  secrets: ReadonlyArray<string>
): Readonly<Record<string, unknown>> => {
  const known = secrets.filter((secret) => secret !== "").map((secret) => secret.toLowerCase())
  const isSecret = (text: string): boolean => {
    const folded = text.toLowerCase()
    return known.some((secret) => folded === secret || (secret.length >= minPartLength && folded.includes(secret)))
  }
  const isKept = (value: unknown, level: number): boolean =>
    typeof value === "string" ? !isSecret(value) : typeof value !== "object" || value === null || level < maxDepth
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
