import * as Config from "effect/Config"
import type { OrConfig } from "../../OAuth2.js"

/** The options, with what the configuration says in the place of what asks it. */
export const read = <A extends object>(options: OrConfig<A>): Config.Config<A> => {
  const asked = Object.entries(options).filter((entry): entry is [string, Config.Config<unknown>] =>
    Config.isConfig(entry[1])
  )
  return Config.map(
    Config.all(Object.fromEntries(asked)),
    // Each field that was a question is its answer now, of the type that the field has.
    (said) => ({ ...options, ...said }) as unknown as A
  )
}
