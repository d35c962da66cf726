import type { Server } from "../programs/server.js"
import type { Remote } from "../Remote.js"

/** What every section is given. */
export interface Bench {
  /** The folder where the compiled packages are installed. */
  readonly staged: string
  readonly server: Remote<Server>
  /** The server's origin. */
  readonly url: string
  readonly quick: boolean
  /** Tells whoever waits what is going on. */
  readonly say: (what: string) => void
}
