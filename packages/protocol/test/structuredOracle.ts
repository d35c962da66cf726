// Values of structured fields, and the same values as `structured-headers` represents them.
import * as StructuredField from "@countersign/protocol/StructuredField"
import * as FastCheck from "effect/FastCheck"
import * as Oracle from "structured-headers"

const ascii = FastCheck.string({
  unit: FastCheck.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 12
})

const lowercase = "abcdefghijklmnopqrstuvwxyz"
const withStart = (start: string, rest: string) =>
  FastCheck.tuple(
    FastCheck.constantFrom(...start),
    FastCheck.string({ unit: FastCheck.constantFrom(...rest), maxLength: 8 })
  ).map(([first, others]) => first + others)

const key = withStart(`${lowercase}*`, `${lowercase}0123456789_-.*`)
const token = withStart(
  `${lowercase}${lowercase.toUpperCase()}*`,
  `${lowercase}${lowercase.toUpperCase()}0123456789!#$%&'*+-.^_\`|~:/`
)

const integer = FastCheck.oneof(
  FastCheck.integer({ min: -1000, max: 1000 }),
  FastCheck.maxSafeInteger().map((value) => value % 1_000_000_000_000_000)
)

// `structured-headers` writes a Decimal without a fraction as an Integer.
const decimal = FastCheck.tuple(FastCheck.integer({ min: -999_999_999, max: 999_999_999 }), FastCheck.nat(998)).map(
  ([whole, part]) => Number(`${whole}.${String(part + 1).padStart(3, "0")}`)
)

// It writes control characters with one digit, such as `%a`.
const unicode = FastCheck.string({ unit: "binary", maxLength: 8 }).map((text) =>
  Array.from(text)
    .filter((character) => character > "\u000f")
    .join("")
)

const bareItem: FastCheck.Arbitrary<StructuredField.BareItem> = FastCheck.oneof(
  integer.map(StructuredField.integer),
  decimal.map(StructuredField.decimal),
  ascii.map(StructuredField.string),
  token.map(StructuredField.token),
  FastCheck.uint8Array({ maxLength: 12 }).map(StructuredField.byteSequence),
  FastCheck.boolean().map(StructuredField.boolean),
  unicode.map(StructuredField.displayString)
)

const params = FastCheck.array(FastCheck.tuple(key, bareItem), { maxLength: 3 }).map((all) => new Map(all))

/** Any Item without a Date. */
export const item: FastCheck.Arbitrary<StructuredField.Item> = FastCheck.tuple(bareItem, params).map(
  ([value, parameters]) => StructuredField.item(value, parameters)
)

const innerList = FastCheck.tuple(FastCheck.array(item, { maxLength: 3 }), params).map(([items, parameters]) =>
  StructuredField.innerList(items, parameters)
)

const member: FastCheck.Arbitrary<StructuredField.Member> = FastCheck.oneof(item, innerList)

/** Any List without a Date. */
export const list: FastCheck.Arbitrary<StructuredField.List> = FastCheck.array(member, { maxLength: 4 })

/** Any Dictionary without a Date. */
export const dictionary: FastCheck.Arbitrary<StructuredField.Dictionary> = FastCheck.array(
  FastCheck.tuple(key, member),
  { maxLength: 4 }
).map((all) => new Map(all))

const toOracleBare = (value: StructuredField.BareItem): Oracle.BareItem => {
  switch (value._tag) {
    case "Token":
      return new Oracle.Token(value.value)
    case "DisplayString":
      return new Oracle.DisplayString(value.value)
    case "ByteSequence":
      return new Uint8Array(value.value)
    case "Date":
      return new Date(value.value * 1000)
    default:
      return value.value
  }
}

const toOracleParams = (parameters: StructuredField.Parameters): Oracle.Parameters =>
  new Map(Array.from(parameters, ([name, value]) => [name, toOracleBare(value)]))

/** The Item of `structured-headers`. */
export const toOracleItem = (one: StructuredField.Item): Oracle.Item => [
  toOracleBare(one.value),
  toOracleParams(one.params)
]

/** The List member of `structured-headers`. */
export const toOracle = (one: StructuredField.Member): Oracle.Item | Oracle.InnerList =>
  one._tag === "Item" ? toOracleItem(one) : [one.items.map(toOracleItem), toOracleParams(one.params)]

/** The Dictionary of `structured-headers`. */
export const toOracleDictionary = (all: StructuredField.Dictionary): Oracle.Dictionary =>
  new Map(Array.from(all, ([name, one]) => [name, toOracle(one)]))

/** A bare item that can be compared. The oracle does not distinguish `1.0` from `1`, nor 0 from -0. */
const comparable = (value: Oracle.BareItem): unknown => {
  if (typeof value === "number") return value + 0
  if (value instanceof Date) return { date: value.getTime() }
  if (value instanceof Oracle.Token) return { token: value.toString() }
  if (value instanceof Oracle.DisplayString) return { display: value.toString() }
  if (value instanceof ArrayBuffer) return Array.from(new Uint8Array(value))
  return ArrayBuffer.isView(value)
    ? Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
    : value
}

const comparableParams = (parameters: Oracle.Parameters): unknown =>
  Array.from(parameters, ([name, value]) => [name, comparable(value)])

const comparableMember = (one: Oracle.Item | Oracle.InnerList): unknown =>
  Array.isArray(one[0])
    ? [one[0].map(comparableMember), comparableParams(one[1])]
    : [comparable(one[0]), comparableParams(one[1])]

/** A result of `StructuredField`, in a form that can be compared. Undefined for a rejected text. */
export const ours = {
  item: (text: string): unknown => {
    const result = StructuredField.parseItem(text)
    return result._tag === "Ok" ? comparableMember(toOracle(result.value)) : undefined
  },
  list: (text: string): unknown => {
    const result = StructuredField.parseList(text)
    return result._tag === "Ok" ? result.value.map((one) => comparableMember(toOracle(one))) : undefined
  },
  dictionary: (text: string): unknown => {
    const result = StructuredField.parseDictionary(text)
    if (result._tag === "Err") return undefined
    return Array.from(result.value, ([name, one]) => [name, comparableMember(toOracle(one))])
  }
} as const

const accepted = <A>(parse: () => A): A | undefined => {
  try {
    return parse()
  } catch {
    return undefined
  }
}

/** A result of `structured-headers`, in the same form. */
export const theirs = {
  item: (text: string): unknown => {
    const one = accepted(() => Oracle.parseItem(text))
    return one === undefined ? undefined : comparableMember(one)
  },
  list: (text: string): unknown => accepted(() => Oracle.parseList(text))?.map(comparableMember),
  dictionary: (text: string): unknown => {
    const all = accepted(() => Oracle.parseDictionary(text))
    return all === undefined ? undefined : Array.from(all, ([name, one]) => [name, comparableMember(one)])
  }
} as const
