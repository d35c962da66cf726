/**
 * The cases: every location of a credential with every pair of hosts and every chain of hops. Other parameters are dealt out
 * evenly, by a seed.
 */
import { PCGRandom } from "effect/Utils"
import type { CredentialLocation } from "./credentialLocation.js"
import { locations } from "./credentialLocation.js"

type Scheme = "http" | "https"

/** The first host, and the host in the URL of a redirect, as written. */
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
  // A host in another alphabet, percent-encoded, which a parser does not read as ASCII.
  { from: name, to: "%D0%B0pi.leaks.test" }
]

/** The server that receives a request of a chain. */
export type Server = "a" | "b" | "c"

const chains: ReadonlyArray<ReadonlyArray<Server>> = [
  ["a", "b"],
  ["a", "b", "a"],
  ["a", "a", "b"],
  ["a", "b", "c"]
]

/** Parameters that are dealt out. */
interface Dealt {
  readonly schemes: readonly [from: Scheme, to: Scheme]
  /** The port of the second server: the same, another, or one that begins with the digits of the first. */
  readonly port: "same" | "other" | "longer"
  readonly status: 301 | 302 | 303 | 307 | 308
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE"
  /** A response that one of the servers sends first. */
  readonly between: { readonly status: 401 | 429 | 503; readonly hop: 0 | 1 } | undefined
  /** Response of the last server, or that it cuts the connection. */
  readonly final: 200 | 401 | 403 | 404 | 429 | 503 | "cut"
  readonly location: "absolute" | "//host" | "/\\host"
  readonly through: "verb" | "execute" | "httpClient"
  readonly crossOriginBody: boolean
  /** Whether the origin of the second server is one of the client's `origins`. */
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
    // Both indexes are within the deck.
    ;[deck[last], deck[at]] = [deck[at] as A, deck[last] as A]
  }
  return deck
}

/** Deals out a whole deck before it is shuffled again, so that all values are equally frequent. */
const dealer = <A>(values: ReadonlyArray<A>, random: PCGRandom): (() => A) => {
  let deck: Array<A> = []
  return () => {
    if (deck.length === 0) deck = shuffled(values, random)
    // The deck was filled above, and no deck is empty.
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

/** Adjusts a case so that it is possible, and so that the credential could leak: some server must not receive it. */
const adjust = (cell: Cell): Cell => {
  const { from, hops, place, port, schemes, to } = cell
  const isSameHost = from.toLowerCase() === to.toLowerCase()
  return {
    ...cell,
    port: isSameHost && port === "same" ? "other" : port,
    method: place.inBody === true && (cell.method === "GET" || cell.method === "HEAD") ? "POST" : cell.method,
    crossOriginBody: place.inBody === true ? false : cell.crossOriginBody,
    isOwn: hops.includes("c") && cell.isOwn,
    // Without a scheme, a Location has the scheme of the previous URL.
    location: schemes[0] === schemes[1] ? cell.location : "absolute"
  }
}

/** A cookie belongs to its host on every port, so a redirect from the host to itself cannot leak it. */
const canLeak = (place: CredentialLocation, { from, to }: Hosts, hops: ReadonlyArray<Server>): boolean =>
  place.ofHost !== true || from.toLowerCase() !== to.toLowerCase() || hops.includes("c")

const product = (random: PCGRandom) =>
  shuffled(
    locations.flatMap((place) =>
      hosts.flatMap((pair) => chains.flatMap((hops) => (canLeak(place, pair, hops) ? [{ place, hops, ...pair }] : [])))
    ),
    random
  )

/**
 * Deals out cases to transports, which are named in `rounds`: for each round the whole product of locations, hosts and
 * chains, or its first `most` cases.
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
    .map((one, id) => adjust({ ...one, id }))
}
