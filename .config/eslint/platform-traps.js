/** Exports of the platform with dangerous behaviour, by module, each with its replacement. */
const traps = {
  "@effect/platform/HttpClient": {
    followRedirects: "sends credentials and bodies to other origins; use `Redirects.follow` of @countersign/client",
    withCookiesRef: "sends one site's cookies to another; use `Cookies.policy` of @countersign/client",
    retryTransient:
      "retries POST, ignores Retry-After and multiplies attempts; use `Retry.policy` of @countersign/client"
  },
  "@effect/platform/HttpClientRequest": {
    basicAuth: "throws outside Latin-1 and accepts `:` in the user name; use `Basic.encode` of @countersign/protocol",
    prependUrl: "concatenates, so `@evil.test/x` leaves the host; use `BaseUrl.join` of @countersign/protocol"
  },
  "effect/Effect": {
    Service: "hides its Layers in a class; use `Context.Tag` with a namespaced key, and Layers beside it"
  }
}
const barrels = { "@effect/platform": ["HttpClient", "HttpClientRequest"], effect: ["Effect"] }

const moduleOf = (source) => traps[source]
const barrelModule = (source, name) =>
  barrels[source]?.includes(name) ? traps[Object.keys(traps).find((key) => key.endsWith(`/${name}`))] : undefined

/** The module of the table that a local import name refers to. */
const importedModule = (specifier) => {
  const source = specifier.parent.source.value
  return specifier.type === "ImportSpecifier" ? barrelModule(source, specifier.imported.name) : moduleOf(source)
}

const propertyName = (node) =>
  node.computed ? (node.property.type === "Literal" ? String(node.property.value) : undefined) : node.property.name

const find = (scope, name) => (scope === null ? undefined : (scope.set.get(name) ?? find(scope.upper, name)))

export default {
  meta: { type: "problem", schema: [], messages: { trap: "`{{ name }}` {{ why }}." } },
  create: (context) => {
    const report = (node, names, name) => {
      if (names !== undefined && name !== undefined && Object.hasOwn(names, name))
        context.report({ node, messageId: "trap", data: { name, why: names[name] } })
    }
    const moduleNamed = (identifier) => {
      const definition = find(context.sourceCode.getScope(identifier), identifier.name)?.defs[0]
      return definition?.type === "ImportBinding" ? importedModule(definition.node) : undefined
    }
    return {
      ImportSpecifier: (node) => report(node, moduleOf(node.parent.source.value), node.imported.name),
      ExportSpecifier: (node) => report(node, moduleOf(node.parent.source?.value), node.local.name),
      MemberExpression: (node) => {
        if (node.object.type === "Identifier") report(node.property, moduleNamed(node.object), propertyName(node))
      },
      "VariableDeclarator[id.type='ObjectPattern'][init.type='Identifier']": (node) => {
        for (const property of node.id.properties)
          report(property, moduleNamed(node.init), property.type === "Property" ? property.key.name : undefined)
      }
    }
  }
}
