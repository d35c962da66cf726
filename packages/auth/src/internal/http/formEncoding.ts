/** Form encoding of parameters, for the query of a URL and for the body of a request. */

/** Some servers read `+` as a plus sign in a query (Cognito). All of them read `%20` as a space. */
export const encode = (parameters: URLSearchParams): string => parameters.toString().replaceAll("+", "%20")
