/** Reports an Effect that is created and never run. */
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
      // The compiler names members with a unique symbol as key `__@name@id`.
      const is = (id) => type.getProperties().some(({ name }) => name.startsWith(`__@${id}`))
      // A fiber is an Effect, too, but runs without being yielded.
      if (is("EffectTypeId") && !is("FiberTypeId") && !is("RuntimeFiberTypeId"))
        context.report({ node: expression, messageId: "floating" })
    }
  })
}
