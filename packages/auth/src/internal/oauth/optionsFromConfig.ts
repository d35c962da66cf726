import * as Config from "effect/Config"
import type { OrConfig } from "../../OAuth2.js"

/** The options, with each `Config` replaced by its value. */
export const read = <A extends object>(options: OrConfig<A>): Config.Config<A> => {
  const asked = Object.entries(options).filter((entry): entry is [string, Config.Config<unknown>] =>
    Config.isConfig(entry[1])
  )
  return Config.map(
    // `Config.all` throws for no field.
    asked.length === 0 ? Config.succeed({}) : Config.all(Object.fromEntries(asked)),
    // Each `Config` field now has its value, which is of the type of the field.
    (said) => ({ ...options, ...said }) as unknown as A
  )
}
