/** What a scheme offers to `Auth.negotiate`. */
import type * as Auth from "@countersign/client/Auth"
import * as Challenge from "@countersign/protocol/Challenge"

/** Offers a scheme if the server has sent a challenge with its name. */
export const makeOffer =
  (name: string, strength: number): NonNullable<Auth.Service["offer"]> =>
  (challenges) =>
    Challenge.find(challenges, name) === undefined ? undefined : { name, strength }
