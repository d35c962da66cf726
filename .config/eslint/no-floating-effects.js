/** An Effect that is made and dropped never runs, and nothing says so. */
export default {
  meta: {
    type: "problem",
    schema: [],
    messages: { floating: "This Effect is never run: `yield*` it, return it, or run it." }
  },
  create: (context) => ({
    ExpressionStatement: ({ expression }) => {
      if (expression.type === "YieldExpression" || expression.type === "AssignmentExpression") return
      const type = context.sourceCode.parserServices.getTypeAtLocation(expression)
      // Members that are keyed by a unique symbol are spelt `__@name@id` by the compiler.
      if (type.getProperties().some(({ name }) => name.startsWith("__@EffectTypeId")))
        context.report({ node: expression, messageId: "floating" })
    }
  })
}
