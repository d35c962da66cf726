/** The exported functions of packages that take options, from the types of their parameters. */
import { readdirSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import * as ts from "typescript"
import { publishedPackages } from "./publishedPackages.js"

const root = fileURLToPath(new URL("../../../../", import.meta.url))

/** `protocol` has functions of strings and numbers. */
const packages = publishedPackages.filter((name) => name !== "protocol")

const isOwn = ({ fileName }: ts.SourceFile): boolean =>
  packages.some((name) => fileName.startsWith(`${root}packages/${name}/src/`))

/** Generic types that do not change the names of the options in their arguments. */
const wrappers: ReadonlySet<string> = new Set(["OrConfig", "Wrap", "Pick", "Omit", "Partial", "Readonly"])

const nameOf = (name: ts.EntityName): string => (ts.isIdentifier(name) ? name.text : name.right.text)

/** The names of the object types of these packages in the type of a parameter. `{}` is a type without a name. */
const objectTypes = (checker: ts.TypeChecker, node: ts.TypeNode | undefined): ReadonlyArray<string> => {
  if (node === undefined) return []
  if (ts.isUnionTypeNode(node) || ts.isIntersectionTypeNode(node)) {
    return node.types.flatMap((type) => objectTypes(checker, type))
  }
  if (ts.isTypeLiteralNode(node)) return node.members.some(ts.isPropertySignature) ? ["{}"] : []
  if (!ts.isTypeReferenceNode(node)) return []
  const name = nameOf(node.typeName)
  if (wrappers.has(name)) return (node.typeArguments ?? []).flatMap((type) => objectTypes(checker, type))
  const found = checker.getSymbolAtLocation(node.typeName)
  if (found === undefined) return []
  const symbol = found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found
  return symbol.declarations?.some((declaration) => isOwn(declaration.getSourceFile())) === true &&
    !(symbol.flags & ts.SymbolFlags.TypeParameter)
    ? [name]
    : []
}

const programOf = (files: ReadonlyArray<string>): ts.Program => {
  const { compilerOptions } = ts.readConfigFile(`${root}tsconfig.base.json`, (path) => ts.sys.readFile(path))
    .config as { readonly compilerOptions: Readonly<Record<string, unknown>> }
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, root)
  return ts.createProgram(files, { ...options, types: ["node"], composite: false, incremental: false, noEmit: true })
}

/** Types of parameters that are no options: services, keys, tokens, steps and other data. */
const others: ReadonlySet<string> = new Set([
  "Client",
  "Fault",
  "Headers",
  "HeadersInput",
  "Key",
  "Message",
  "Received",
  "RegisteredClient",
  "Script",
  "Service",
  "Step",
  "StepUpChallenge",
  // Services may be instances of classes, with members of their own.
  "TextStore",
  "Token",
  "TokenError"
])

/** Functions with required data in an object, and functions of a call: their own tests have unknown names. */
const otherFunctions: ReadonlySet<string> = new Set([
  "TokenRecord.foreignFormat",
  ...["ApiClient.make", "Batch.forEach", "Batch.forget", "Continuation.make", "HttpApiClient.makeWith"],
  ...["JsonLines.stream", "Operation.run", "Operation.wait", "Paginate.items", "Paginate.pages"],
  ...["ServerEvents.fromResponse", "ServerEvents.stream", "Verb.make", "Verb.makeAny", "Verb.makeWithBody"],
  ...["ApiError.isRetryable", "Auth.makeChallenged", "Auth.policy", "Auth.withExpired", "HttpCache.policy"],
  ...["RequestDefaults.policy", "RequestDefaults.validate", "RetryAfter.retryAfterMillis"],
  ...["Timeline.format", "Timeline.line", "Timeline.policy", "WaitUntil.registerFiber"],
  ...["Transport.describeFailure", "Transport.makeRequestError", "Transport.makeResponseError"],
  "Transport.withCallbackSend"
])

/** An exported function with options, and the names of those that are numbers or durations. */
export interface FunctionWithOptions {
  /** Such as `ApiKey.make`. */
  readonly name: string
  readonly numbers: ReadonlyArray<string>
}

/** Whether the values of an option are numbers, or durations: these alone include `bigint`. */
const isNumeric = (type: ts.Type): boolean => {
  const parts = type.isUnion() ? type.types : [type]
  return (
    parts.every(({ flags }) => flags & ts.TypeFlags.NumberLike) ||
    parts.some(({ flags }) => flags & ts.TypeFlags.BigIntLike)
  )
}

const numbersOf = (checker: ts.TypeChecker, { type }: ts.ParameterDeclaration): ReadonlyArray<string> =>
  type === undefined
    ? []
    : checker.getPropertiesOfType(checker.getTypeAtLocation(type)).flatMap((property) => {
        const value = checker.getNonNullableType(checker.getTypeOfSymbol(property))
        return isNumeric(value) ? [property.name] : []
      })

/** The exported functions with options. */
export const functionsWithOptions = (): ReadonlyArray<FunctionWithOptions> => {
  const files = [...packages, "auth/src/providers"].flatMap((name) => {
    const folder = `${root}packages/${name.includes("/") ? name : `${name}/src`}`
    return readdirSync(folder).flatMap((file) => (file.endsWith(".ts") ? [`${folder}/${file}`] : []))
  })
  const program = programOf(files)
  const checker = program.getTypeChecker()
  const functions: Array<FunctionWithOptions> = []
  for (const file of files) {
    const source = program.getSourceFile(file)
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) continue
    for (const symbol of checker.getExportsOfModule(module)) {
      const parameters = checker
        .getTypeOfSymbol(symbol)
        .getCallSignatures()
        .flatMap((signature) => signature.getDeclaration().parameters)
        .filter(({ type }) => objectTypes(checker, type).some((name) => !others.has(name)))
      const name = `${basename(file, ".ts")}.${symbol.name}`
      if (parameters.length > 0 && !otherFunctions.has(name)) {
        functions.push({ name, numbers: parameters.flatMap((parameter) => numbersOf(checker, parameter)) })
      }
    }
  }
  return functions
}
