import * as HttpServerResponse from "@effect/platform/HttpServerResponse"

/** A page for the user. It contains no client input, so nothing needs escaping. */
const page = (status: number, body: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(`<!doctype html><html lang="en"><title>Countersign OAuthServer</title>${body}</html>`, {
    status,
    contentType: "text/html; charset=utf-8",
    headers: { "cache-control": "no-store", "referrer-policy": "no-referrer" }
  })

export const told = (status: number, sentence: string): HttpServerResponse.HttpServerResponse =>
  page(status, `<p>${sentence}</p>`)

/** Page with two buttons (`decision=approve`, `decision=deny`) and further fields, which posts to its own path. */
export const decision = (fields: string): HttpServerResponse.HttpServerResponse =>
  page(
    200,
    `<form method="post">${fields}<button name="decision" value="approve">Approve</button>` +
      `<button name="decision" value="deny">Deny</button></form>`
  )
