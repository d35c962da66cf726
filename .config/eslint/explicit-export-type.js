const functions = ["ArrowFunctionExpression", "FunctionExpression", "FunctionDeclaration"]

/** Whether the type of the expression is clear without other files. */
const isExplicit = (node) => {
  if (node === null) return false
  if (functions.includes(node.type))
    return (
      node.returnType !== undefined ||
      (node.type === "ArrowFunctionExpression" && functions.includes(node.body.type) && isExplicit(node.body))
    )
  if (node.type === "TSAsExpression" || node.type === "TSTypeAssertion") return true
  if (node.type === "UnaryExpression") return isExplicit(node.argument)
  if (node.type === "BinaryExpression") return isExplicit(node.left) && isExplicit(node.right)
  if (node.type === "Literal") return true
  return node.type === "TemplateLiteral" && node.expressions.length === 0
}

/**
 * Requires types as `isolatedDeclarations` does for constants and functions. The compiler's option itself rejects
 * `class X extends Context.Tag("…")<X, …>() {}`, which is how every service is written.
 */
export default {
  meta: {
    type: "problem",
    schema: [],
    messages: { type: "Write the type of the export `{{ name }}`: what callers depend on is chosen, not inferred." }
  },
  create: (context) => {
    const report = (node, name) => context.report({ node, messageId: "type", data: { name } })
    const checkVariables = ({ declarations }) => {
      for (const { id, init } of declarations)
        if (id.typeAnnotation === undefined && !isExplicit(init)) report(id, context.sourceCode.getText(id))
    }
    const checkNamed = (specifier) => {
      const variable = context.sourceCode.getScope(specifier).set.get(specifier.local.name)
      const definition = variable?.defs[0]
      if (definition?.type === "Variable") checkVariables({ declarations: [definition.node] })
      if (definition?.type === "FunctionName" && !isExplicit(definition.node)) report(specifier, variable.name)
    }
    return {
      ExportNamedDeclaration: ({ declaration, source, specifiers }) => {
        if (declaration?.type === "VariableDeclaration") checkVariables(declaration)
        else if (declaration?.type === "FunctionDeclaration" && !isExplicit(declaration))
          report(declaration, declaration.id.name)
        else if (source === null) specifiers.forEach(checkNamed)
      }
    }
  }
}
