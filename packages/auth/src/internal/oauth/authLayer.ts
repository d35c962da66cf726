import type * as Auth from "@countersign/client/Auth"
import type * as Layer from "effect/Layer"
import * as Bearer from "../../Bearer.js"
import * as Dpop from "../../Dpop.js"
import * as OAuth2 from "../../OAuth2.js"
import type * as TokenSource from "../../TokenSource.js"

/** The tokens of a grant, presented as the client wants them to be: with a proof of its key, or by themselves. */
export const presenting = <R>(
  { dpop, propagationDelay }: OAuth2.Client & TokenSource.RefreshOptions,
  { clockSkew }: Pick<OAuth2.Service, "clockSkew">,
  options: TokenSource.Options<R>
): Layer.Layer<Auth.Auth | TokenSource.TokenSource, never, TokenSource.Requirements<R>> => {
  const settled = { ...options, propagationDelay: propagationDelay ?? OAuth2.defaultPropagationDelay }
  return dpop === undefined ? Bearer.layerCustom(settled) : Dpop.layerCustom(dpop, { ...settled, clockSkew })
}
