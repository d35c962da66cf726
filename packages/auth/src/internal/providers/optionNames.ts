import type * as OAuth2 from "../../OAuth2.js"
import type * as OptionNames from "../options/optionNames.js"

/** The names of the options of an application without any others. */
export const credentialNames: OptionNames.ShapeOf<Pick<OAuth2.Client, "clientId" | "clientSecret">> = {
  clientId: true,
  clientSecret: "secret"
}
