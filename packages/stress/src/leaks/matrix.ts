/**
 * The cases: every place of a credential with every pair of hosts and every chain of hops, and the rest of what makes a
 * difference dealt out evenly, by a seed.
 */
import { PCGRandom } from "effect/Utils"
import type { CredentialLocation } from "./credentialLocation.js"
import { places } from "./credentialLocation.js"

type Scheme = "http" | "https"

/** The first host, and how a redirect names another origin: both as they are written. */
interface Hosts {
  readonly from: string
  readonly to: string
}

const name = "api.leaks.test"

const hosts: ReadonlyArray<Hosts> = [
  { from: name, to: name },
  { from: name, to: "API.Leaks.TEST" },
  { from: name, to: "other.test" },
  { from: "API.leaks.test", to: "OTHER.TEST" },
  { from: "localhost", to: "127.0.0.1" },
  { from: "127.0.0.1", to: "localhost" },
  { from: "localhost", to: "[::1]" },
  { from: name, to: `v2.${name}` },
  { from: name, to: "leaks.test" },
  { from: name, to: `${name}.evil.test` },
  { from: name, to: `evil${name}` },
  { from: name, to: `${name}.` },
  { from: name, to: `${name}@other.test` },
  { from: "bücher.test", to: "bucher.test" },
  // Of another alphabet, and percent-encoded: what is read of it is no ASCII.
  { from: name, to: "%D0%B0pi.leaks.test" }
]

/** Which server each request of a chain is for. */
export type Server = "a" | "b" | "c"

const chains: ReadonlyArray<ReadonlyArray<Server>> = [
  ["a", "b"],
  ["a", "b", "a"],
  ["a", "a", "b"],
  ["a", "b", "c"]
]

/** What is tried of everything else. */
interface Dealt {
  readonly schemes: readonly [from: Scheme, to: Scheme]
  /** The other port: the same, another one, or one that begins with the first one's digits. */
  readonly port: "same" | "other" | "longer"
  readonly status: 301 | 302 | 303 | 307 | 308
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE"
  /** What one of the servers answers first. */
  readonly between: { readonly status: 401 | 429 | 503; readonly hop: 0 | 1 } | undefined
  /** What the last server answers, or that it cuts the connection. */
  readonly final: 200 | 401 | 403 | 404 | 429 | 503 | "cut"
  readonly location: "absolute" | "//host" | "/\\host"
  readonly through: "verb" | "execute" | "httpClient"
  readonly crossOriginBody: boolean
  /** Whether the second server's origin is one of the client's own. */
  readonly isOwn: boolean
  /** Whether the first server quotes the credential in its errors. */
  readonly quotes: boolean
}

/** A case. */
export interface Cell extends Dealt, Hosts {
  readonly id: number
  readonly transport: string
  readonly place: CredentialLocation
  readonly hops: ReadonlyArray<Server>
}

const none = undefined

const decks: { readonly [K in keyof Dealt]: ReadonlyArray<Dealt[K]> } = {
  schemes: [
    ["http", "http"],
    ["https", "https"],
    ["http", "https"],
    ["https", "http"]
  ],
  port: ["same", "other", "longer"],
  status: [301, 302, 303, 307, 308],
  method: ["GET", "HEAD", "POST", "PUT", "DELETE"],
  between: [
    ...[none, none, none, none],
    ...([401, 429, 503] as const).flatMap((status) => ([0, 1] as const).map((hop) => ({ status, hop })))
  ],
  final: [200, 401, 403, 404, 429, 503, "cut"],
  location: ["absolute", "//host", "/\\host"],
  through: ["verb", "execute", "httpClient"],
  crossOriginBody: [true, false],
  isOwn: [true, false],
  quotes: [true, false]
}

const shuffled = <A>(values: ReadonlyArray<A>, random: PCGRandom): Array<A> => {
  const deck = [...values]
  for (let last = deck.length - 1; last > 0; last--) {
    const at = random.integer(last + 1)
    // Both are places of the deck.
    ;[deck[last], deck[at]] = [deck[at] as A, deck[last] as A]
  }
  return deck
}

/** Deals a deck to its end before it is shuffled again, so that every value comes up as often as the others. */
const dealer = <A>(values: ReadonlyArray<A>, random: PCGRandom): (() => A) => {
  let deck: Array<A> = []
  return () => {
    if (deck.length === 0) deck = shuffled(values, random)
    // It was filled in the line above, and no deck is empty.
    return deck.pop() as A
  }
}

type Dealers = { readonly [K in keyof Dealt]: () => Dealt[K] }

const dealers = (random: PCGRandom): Dealers => ({
  schemes: dealer(decks.schemes, random),
  port: dealer(decks.port, random),
  status: dealer(decks.status, random),
  method: dealer(decks.method, random),
  between: dealer(decks.between, random),
  final: dealer(decks.final, random),
  location: dealer(decks.location, random),
  through: dealer(decks.through, random),
  crossOriginBody: dealer(decks.crossOriginBody, random),
  isOwn: dealer(decks.isOwn, random),
  quotes: dealer(decks.quotes, random)
})

const deal = (from: Dealers): Dealt => ({
  schemes: from.schemes(),
  port: from.port(),
  status: from.status(),
  method: from.method(),
  between: from.between(),
  final: from.final(),
  location: from.location(),
  through: from.through(),
  crossOriginBody: from.crossOriginBody(),
  isOwn: from.isOwn(),
  quotes: from.quotes()
})

/** Bends what was dealt to what can be: nobody may be allowed to get what is looked for, or nothing could leak. */
const fit = (cell: Cell): Cell => {
  const { from, hops, place, port, schemes, to } = cell
  const isSameHost = from.toLowerCase() === to.toLowerCase()
  return {
    ...cell,
    port: isSameHost && port === "same" ? "other" : port,
    method: place.inBody === true && (cell.method === "GET" || cell.method === "HEAD") ? "POST" : cell.method,
    crossOriginBody: place.inBody === true ? false : cell.crossOriginBody,
    isOwn: hops.includes("c") && cell.isOwn,
    // Written without a scheme it is of the one before.
    location: schemes[0] === schemes[1] ? cell.location : "absolute"
  }
}

/** A cookie of a host is its on every port: a redirect from it to itself can take it nowhere. */
const canLeak = (place: CredentialLocation, { from, to }: Hosts, hops: ReadonlyArray<Server>): boolean =>
  place.ofHost !== true || from.toLowerCase() !== to.toLowerCase() || hops.includes("c")

const product = (random: PCGRandom) =>
  shuffled(
    places.flatMap((place) =>
      hosts.flatMap((pair) => chains.flatMap((hops) => (canLeak(place, pair, hops) ? [{ place, hops, ...pair }] : [])))
    ),
    random
  )

/**
 * Deals out cases to transports, which are named in turn: once the whole product of places, hosts and chains for each
 * of the `rounds`, or the first `most` of each.
 */
export const deals = (
  rounds: ReadonlyArray<ReadonlyArray<string>>,
  seed: number,
  most = Number.POSITIVE_INFINITY
): ReadonlyArray<Cell> => {
  const random = new PCGRandom(seed)
  const from = dealers(random)
  return rounds
    .flatMap((transports) => {
      const transport = dealer(transports, random)
      return product(random)
        .slice(0, most)
        .map((one) => ({ ...one, ...deal(from), transport: transport() }))
    })
    .map((one, id) => fit({ ...one, id }))
}
