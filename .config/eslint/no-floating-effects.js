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
      const is = (id) => type.getProperties().some(({ name }) => name.startsWith(`__@${id}`))
      // A fiber is an Effect too, that waits for it, and runs without.
      if (is("EffectTypeId") && !is("FiberTypeId") && !is("RuntimeFiberTypeId"))
        context.report({ node: expression, messageId: "floating" })
    }
  })
}
