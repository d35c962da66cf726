import type * as Auth from "@countersign/client/Auth"
import type * as Layer from "effect/Layer"
import * as Struct from "effect/Struct"
import * as Bearer from "../../Bearer.js"
import * as Dpop from "../../Dpop.js"
import type { TokenSourceError } from "../../Errors.js"
import * as OAuth2 from "../../OAuth2.js"
import type * as TokenSource from "../../TokenSource.js"
import { sourceNames } from "../refresh/optionNames.js"

/** The options of the token source, without those of the grant. */
const sourceOptions = <R>(options: TokenSource.Options<R>): TokenSource.Options<R> =>
  // The keys of `sourceNames` are exactly its names.
  Struct.pick(options, ...(Object.keys(sourceNames) as Array<keyof typeof sourceNames>))

/** Auth layer for the tokens of a grant: DPoP if the client has the option `dpop`, otherwise Bearer. */
export const authLayer = <R>(
  { dpop, propagationDelay }: OAuth2.Client & TokenSource.RefreshOptions,
  { clockSkew }: Pick<OAuth2.Service, "clockSkew">,
  options: TokenSource.Options<R>
): Layer.Layer<Auth.Auth<TokenSourceError> | TokenSource.TokenSource, never, TokenSource.Requirements<R>> => {
  const source = sourceOptions(options)
  const withPropagationDelay = { ...source, propagationDelay: propagationDelay ?? OAuth2.defaultPropagationDelay }
  return dpop === undefined
    ? Bearer.layerCustom(withPropagationDelay)
    : Dpop.layerCustom(dpop, { ...withPropagationDelay, clockSkew })
}
