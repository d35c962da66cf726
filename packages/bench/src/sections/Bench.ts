import type { Server } from "../programs/server.js"
import type { Remote } from "../Remote.js"

/** Arguments of every section. */
export interface Bench {
  /** The folder where the compiled packages are installed. */
  readonly staged: string
  readonly server: Remote<Server>
  /** The server's origin. */
  readonly url: string
  readonly quick: boolean
  /** Reports progress. */
  readonly say: (what: string) => void
}
