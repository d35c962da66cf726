/** Every server with its cases. */
import type { Case } from "./Case.js"
import { cacheTests } from "./cases/cacheTests.js"
import { certificate } from "./cases/certificate.js"
import { clientCredentials } from "./cases/clientCredentials.js"
import { clock } from "./cases/clock.js"
import { code } from "./cases/code.js"
import { codeAttacks } from "./cases/codeAttacks.js"
import { device } from "./cases/device.js"
import { dpop } from "./cases/dpop.js"
import { faults } from "./cases/faults.js"
import { introspection } from "./cases/introspection.js"
import { par } from "./cases/par.js"
import { plain } from "./cases/plain.js"
import { providers } from "./cases/providers.js"
import { refresh } from "./cases/refresh.js"
import { registration } from "./cases/registration.js"
import { resource } from "./cases/resource.js"
import { restart } from "./cases/restart.js"
import { revocation } from "./cases/revocation.js"
import { runtimes } from "./cases/runtimes.js"

/** A server, named after its package. */
export interface Server {
  readonly name: string
  readonly cases: ReadonlyArray<Case>
}

/** The runtimes, which are installed for this run. The tests leave them out, because they are large. */
export const runtimeMatrix: Server = { name: "runtimes", cases: runtimes }

export const servers: ReadonlyArray<Server> = [
  {
    name: "oidc-provider",
    cases: [
      ...clientCredentials,
      ...certificate,
      ...code,
      ...codeAttacks,
      ...refresh,
      ...device,
      ...dpop,
      ...par,
      ...resource,
      ...introspection,
      ...revocation,
      ...registration,
      ...restart,
      ...clock
    ]
  },
  { name: "oauth2-mock-server", cases: faults },
  { name: "@node-oauth/oauth2-server", cases: plain },
  { name: "providers", cases: providers },
  { name: "cache-tests", cases: cacheTests }
]
