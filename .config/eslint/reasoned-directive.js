/** A directive that disables a rule must have its name and a reason: `// eslint-disable-next-line name -- reason`. */
export default {
  meta: {
    type: "suggestion",
    schema: [],
    messages: { reason: "Name the rule and say why: `// eslint-disable-next-line rule -- reason`." }
  },
  create: (context) => ({
    Program: () => {
      for (const comment of context.sourceCode.getAllComments()) {
        const [, rules, reason] =
          /^\s*eslint-disable(?:-next-line|-line)?\b(.*?)(?:\s--\s(.*))?$/s.exec(comment.value) ?? []
        if (rules !== undefined && (rules.trim() === "" || !/\p{L}/u.test(reason ?? "")))
          context.report({ loc: comment.loc, messageId: "reason" })
      }
    }
  })
}
