/** Checks the options of roles. */
import type { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import type { RoleOptions } from "./credentials.js"
import { invalid } from "./resolve.js"
import type { Role } from "./sts.js"

/**
 * Default values of `RoleOptions`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { sessionName: "countersign" } as const

const problemOf = ({ durationSeconds: seconds, endpoint, region, roleArn, sessionName }: Role): string | undefined => {
  if (!/^arn:[\w-]+:iam::\d*:role\/[!-~]+$/.test(roleArn)) {
    return "`roleArn` is not the ARN of a role. Set `arn:aws:iam::<account>:role/<name>`."
  }
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
    return `\`sessionName\` is ${JSON.stringify(sessionName)}. Set 2 to 64 letters, digits or \`_=,.@-\`.`
  }
  if (region !== undefined && !/^[a-z0-9-]{1,40}$/.test(region)) {
    return `\`region\` is ${JSON.stringify(region)}. Set the name of a region, such as \`eu-central-1\`.`
  }
  if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= 900 && seconds <= 43_200)) {
    return `\`durationSeconds\` is ${seconds}. Set a whole number from 900 to 43200.`
  }
  return endpoint === undefined || (URL.canParse(endpoint) && new URL(endpoint).protocol === "https:")
    ? undefined
    : "`endpoint` is not an https URL. Set `https://<host>/`."
}

/** The role of the options. Fails if one of them is wrong. */
export const roleOf = (options: RoleOptions): Effect.Effect<Role, InvalidRequest> =>
  Effect.suspend(() => {
    const role = { ...options, sessionName: options.sessionName ?? defaults.sessionName }
    const problem = problemOf(role)
    return problem === undefined ? Effect.succeed(role) : Effect.fail(invalid("Options", problem))
  })

/** The external id of the options, which the owner of a role may require. */
export const externalIdOf = (externalId: string | undefined): Effect.Effect<string | undefined, InvalidRequest> =>
  externalId === undefined || /^[\w+=,.@:/-]{2,1224}$/.test(externalId)
    ? Effect.succeed(externalId)
    : Effect.fail(invalid("Options", "`externalId` is wrong. Set 2 to 1224 letters, digits or `_+=,.@:/-`."))
