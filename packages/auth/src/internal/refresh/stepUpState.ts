/**
 * The step-up challenges of a token source, as a state machine: a union of states with pure transitions.
 *
 * - `None`: no API requires more than an ordinary token.
 * - `Requested`: token requests include this challenge: the granted ones, merged with further ones.
 * - `Granted`: a token was issued for the challenge of the grant.
 * - `Denied`: the only challenge was denied.
 */
import type { StepUpChallenge } from "../../StepUp.js"
import * as StepUp from "../../StepUp.js"

/** A challenge that the authorization server has satisfied, and the generation of the token. */
type Grant = { readonly challenge: StepUpChallenge; readonly generation: number }

/** A challenge that the authorization server has denied at this time, in epoch milliseconds. */
type Denial = { readonly challenge: StepUpChallenge; readonly at: number }

export type None = { readonly _tag: "None" }
export type Requested = {
  readonly _tag: "Requested"
  readonly challenge: StepUpChallenge
  readonly grant: Grant | undefined
  readonly denial: Denial | undefined
}
export type Granted = { readonly _tag: "Granted"; readonly grant: Grant; readonly denial: Denial | undefined }
export type Denied = { readonly _tag: "Denied"; readonly denial: Denial }

export type StepUpState = None | Requested | Granted | Denied

export const none: None = { _tag: "None" }

/** For this time, a denied challenge is not requested again, in milliseconds. */
const denialMs = 30_000

const grantOf = (state: StepUpState): Grant | undefined => ("grant" in state ? state.grant : undefined)

const denialOf = (state: StepUpState): Denial | undefined => ("denial" in state ? state.denial : undefined)

const withoutRequest = (grant: Grant | undefined, denial: Denial | undefined): None | Granted | Denied => {
  if (grant !== undefined) return { _tag: "Granted", grant, denial }
  return denial === undefined ? none : { _tag: "Denied", denial }
}

/** The state at `now`, without a denial that is too old. */
export const at = (state: StepUpState, now: number): StepUpState => {
  const denial = denialOf(state)
  if (denial === undefined || now < denial.at + denialMs) return state
  return state._tag === "Requested" ? { ...state, denial: undefined } : withoutRequest(grantOf(state), undefined)
}

/** What a token request includes. */
export const challengeOf = (state: StepUpState): StepUpChallenge | undefined =>
  state._tag === "Requested" ? state.challenge : grantOf(state)?.challenge

/** An API has sent a challenge that the grant can satisfy. */
export const requested = (state: StepUpState, challenge: StepUpChallenge): Requested => ({
  _tag: "Requested",
  challenge: StepUp.merge(challengeOf(state), challenge),
  grant: grantOf(state),
  denial: denialOf(state)
})

/** A token was issued for a challenge. A challenge that was requested meanwhile stays. */
export const granted = (state: StepUpState, grant: Grant): Requested | Granted =>
  state._tag === "Requested" && !StepUp.isSatisfiedBy(grant.challenge, state.challenge)
    ? { ...state, grant }
    : { _tag: "Granted", grant, denial: denialOf(state) }

/** The token request failed for another reason. A new challenge is dropped, and a granted one stays. */
export const failed = (state: StepUpState, challenge: StepUpChallenge): StepUpState => {
  const grant = grantOf(state)
  return grant && StepUp.equals(grant.challenge, challenge) ? state : withoutRequest(grant, denialOf(state))
}

/** The server denied a challenge. An earlier grant stays, unless it is for the same one. */
export const denied = (state: StepUpState, denial: Denial): None | Granted | Denied => {
  const grant = grantOf(state)
  return withoutRequest(grant && StepUp.equals(grant.challenge, denial.challenge) ? undefined : grant, denial)
}

/** Whether the token of a generation satisfies a challenge already. */
export const isGranted = (state: StepUpState, challenge: StepUpChallenge, generation: number | undefined): boolean => {
  const grant = grantOf(state)
  return grant?.generation === generation && StepUp.isSatisfiedBy(grant?.challenge, challenge)
}

/** Whether exactly this challenge was denied. The server may grant one that it denied together with others. */
export const isDenied = (state: StepUpState, challenge: StepUpChallenge): boolean => {
  const denial = denialOf(state)
  return denial !== undefined && StepUp.equals(denial.challenge, challenge)
}
