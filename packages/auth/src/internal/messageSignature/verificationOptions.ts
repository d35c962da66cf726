/** Options of the verification of responses. */
import type { Component, FieldType } from "@countersign/protocol/MessageSignature"
import * as Duration from "effect/Duration"
import * as OptionNames from "../options/optionNames.js"
import type { Key } from "./keys.js"
import type { Requirements } from "./responses.js"

/**
 * Options of the verification of responses.
 *
 * @since 0.1.0
 * @category models
 */
export interface VerificationOptions {
  /** The public keys or shared secrets of the server. The key with the `keyid` of the signature is used. */
  readonly keys: ReadonlyArray<Key>
  /** The components that a signature has to cover (`@status` and `content-digest`). */
  readonly components?: ReadonlyArray<string | Component> | undefined
  /** The `tag` that a signature has to have. By default any. */
  readonly tag?: string | undefined
  /** How old a signature may be (5 minutes). */
  readonly maxAge?: Duration.DurationInput | undefined
  /** How far the clock of the server may be off (30 seconds). */
  readonly clockTolerance?: Duration.DurationInput | undefined
  /** Types of structured fields that no RFC defines, for components with `sf` or `key`. */
  readonly fieldTypes?: Readonly<Record<string, FieldType>> | undefined
}

const verificationNames: OptionNames.ShapeOf<VerificationOptions> = {
  keys: true,
  components: true,
  tag: true,
  maxAge: "duration",
  clockTolerance: "duration",
  fieldTypes: true
}

/**
 * Default values of {@link VerificationOptions}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const verificationDefaults = {
  components: ["@status", "content-digest"],
  maxAge: "5 minutes",
  clockTolerance: "30 seconds"
} as const

/** The requirements that the options mean. Throws for an unknown name. */
export const requirementsOf = (options: VerificationOptions): Requirements => {
  OptionNames.known("`MessageSignature.verifyResponses`", options, verificationNames)
  return {
    keys: options.keys,
    components: options.components ?? verificationDefaults.components,
    tag: options.tag,
    maxAge: Duration.toMillis(options.maxAge ?? verificationDefaults.maxAge),
    clockTolerance: Duration.toMillis(options.clockTolerance ?? verificationDefaults.clockTolerance),
    fieldTypes: options.fieldTypes ?? {}
  }
}
