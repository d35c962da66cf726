/** Options of signed requests, and their names. */
import type * as ContentDigest from "@countersign/protocol/ContentDigest"
import type { Component, FieldType } from "@countersign/protocol/MessageSignature"
import type * as Duration from "effect/Duration"
import type * as OptionNames from "../options/optionNames.js"
import type { Key } from "./keys.js"
import type { KeyText } from "./keyText.js"

/**
 * Options of signed requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** A private key or a shared secret, see `MessageSignature.fromJwk`. */
  readonly key: Key
  /** The parameter `keyid`. By default the key id of the key. */
  readonly keyId?: string | undefined
  /**
   * The covered components, in the order of the signature (`@method` and `@target-uri`). `MessageSignature.component` of
   * `@countersign/protocol` makes components with parameters.
   */
  readonly components?: ReadonlyArray<string | Component> | undefined
  /** The label of the signature (`sig1`). */
  readonly label?: string | undefined
  /** The parameter `tag`, which identifies the application. */
  readonly tag?: string | undefined
  /** How long the signature is valid: the parameter `expires`, in whole seconds. By default it is not sent. */
  readonly expiresIn?: Duration.DurationInput | undefined
  /** Whether each signature has a random `nonce` (false). */
  readonly nonce?: boolean | undefined
  /** Whether the signature names its algorithm in `alg` (false). The server mostly knows it from the key. */
  readonly alg?: boolean | undefined
  /**
   * The algorithm of `Content-Digest` (`sha-256`), which is sent and signed with each request that has a body. With false,
   * nothing is added, and the body is not signed.
   */
  readonly contentDigest?: ContentDigest.Algorithm | false | undefined
  /** Types of structured fields that no RFC defines, for components with `sf`. */
  readonly fieldTypes?: Readonly<Record<string, FieldType>> | undefined
}

export const names: OptionNames.ShapeOf<Options> = {
  key: true,
  keyId: true,
  components: true,
  label: true,
  tag: true,
  expiresIn: "duration",
  nonce: true,
  alg: true,
  contentDigest: true,
  fieldTypes: true
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  components: ["@method", "@target-uri"],
  label: "sig1",
  contentDigest: "sha-256"
} as const

/**
 * Options of signed requests with the key as a text, for the configuration.
 *
 * @since 0.1.0
 * @category models
 */
export interface TextOptions extends Omit<Options, "key">, KeyText {}

const { key: _, ...signingNames } = names

export const textNames: OptionNames.ShapeOf<TextOptions> = {
  ...signingNames,
  jwk: "secret",
  pem: "secret",
  secret: "secret",
  algorithm: true
}
