import { posix } from "node:path"
import { mayImport, ownerOf } from "./packages.js"

const scoped = /^@countersign\/([^/]+)(?:\/(.*))?$/

/** Whether a relative path leaves the package, which would bypass the `exports` of the other one. */
const leaves = (filename, source) => {
  const [, before, owner] = /^(.*\/packages\/)([^/]+)\//.exec(filename.replaceAll("\\", "/")) ?? []
  const target = posix.resolve(posix.dirname(filename.replaceAll("\\", "/")), source)
  return target.startsWith(before) && !target.startsWith(`${before}${owner}/`)
}

/** The problem of an import of `source` by `filename`, or `undefined`. */
const objection = (filename, source) => {
  const owner = ownerOf(filename)
  if (owner === undefined) return undefined
  if (source.startsWith(".")) return leaves(filename, source) ? { messageId: "relative" } : undefined
  const [, name, module] = scoped.exec(source) ?? []
  if (name === undefined) return undefined
  // The examples show programs of users.
  if (module === undefined && owner.name !== "examples") return { messageId: "root", data: { name } }
  if (name === owner.name) return owner.part === "src" ? { messageId: "itself" } : undefined
  if (module?.startsWith("internal/") === true) return { messageId: "internal", data: { name } }
  const allowed = mayImport[owner.name] ?? []
  if (allowed.includes(name) || (owner.part === "test" && name === "testing")) return undefined
  return { messageId: "layer", data: { from: owner.name, name, allowed: allowed.join(", ") || "no other package" } }
}

export default {
  meta: {
    type: "problem",
    schema: [],
    messages: {
      internal: "`internal` modules of `{{ name }}` are closed: export what you need from one of its public modules.",
      itself: "Import modules of the same package by a relative path.",
      layer: "`{{ from }}` may import {{ allowed }}, not `{{ name }}`: protocol ← client ← auth ← node.",
      relative: "Import another package by its name, `@countersign/name/Module`.",
      root: "Import a module, `@countersign/{{ name }}/Module`: the root loads the whole package."
    }
  },
  create: (context) => {
    const check = (node) => {
      if (typeof node.source?.value !== "string") return
      const found = objection(context.filename, node.source.value)
      if (found !== undefined) context.report({ node: node.source, ...found })
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      TSImportType: check
    }
  }
}
