/** As much of the package's interface as is used here; it ships no types of its own. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http"

  /** A token that the server has issued, and still knows. */
  interface Issued {
    readonly isValid: boolean
  }

  interface Model {
    find(value: string): Promise<Issued | undefined>
  }

  export default class Provider {
    constructor(issuer: string, configuration: object)
    readonly ClientCredentials: Model
    use(middleware: (context: unknown, next: () => Promise<void>) => Promise<void>): void
    callback(): (request: IncomingMessage, response: ServerResponse) => void
  }
}
