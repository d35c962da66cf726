const isConst = (node) =>
  node.typeAnnotation.type === "TSTypeReference" && node.typeAnnotation.typeName.name === "const"

/**
 * The compiler cannot verify a cast, so a comment on one of its lines or on the line above must give the reason. The TSDoc
 * of an export does not count, because it is for users.
 */
export default {
  meta: {
    type: "suggestion",
    schema: [],
    messages: { reason: "Say why this cast is true in a comment on this line or the line above, or do without it." }
  },
  create: (context) => {
    const reasonEnds = new Set()
    const hasReason = (node) => {
      for (let line = node.loc.start.line - 1; line <= node.loc.end.line; line++) if (reasonEnds.has(line)) return true
      return false
    }
    const check = (node) => {
      // `x as unknown as T` needs one reason, for the outer cast.
      if (isConst(node) || node.parent.type === "TSAsExpression" || hasReason(node)) return
      context.report({ node, messageId: "reason" })
    }
    return {
      Program: () => {
        for (const comment of context.sourceCode.getAllComments()) {
          const isDoc = comment.type === "Block" && comment.value.startsWith("*")
          const isDirective = /^\s*eslint-/.test(comment.value)
          if (!isDoc && !isDirective && /\p{L}/u.test(comment.value)) reasonEnds.add(comment.loc.end.line)
        }
      },
      TSAsExpression: check,
      TSTypeAssertion: check
    }
  }
}
