import * as HttpServerResponse from "@effect/platform/HttpServerResponse"

/** A page for a person. Nothing that a client has sent stands on it: there is nothing to escape. */
const page = (status: number, body: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(`<!doctype html><html lang="en"><title>Countersign OAuthServer</title>${body}</html>`, {
    status,
    contentType: "text/html; charset=utf-8",
    headers: { "cache-control": "no-store", "referrer-policy": "no-referrer" }
  })

export const told = (status: number, sentence: string): HttpServerResponse.HttpServerResponse =>
  page(status, `<p>${sentence}</p>`)

/** Two buttons, `decision=approve` and `decision=deny`, and what else the form has; it is sent to the same path. */
export const decision = (fields: string): HttpServerResponse.HttpServerResponse =>
  page(
    200,
    `<form method="post">${fields}<button name="decision" value="approve">Approve</button>` +
      `<button name="decision" value="deny">Deny</button></form>`
  )
