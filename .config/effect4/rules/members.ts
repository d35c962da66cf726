/** Members of values with another name in Effect 4: `module#Type.member` of Effect 3, and the new name. */
export const members: Readonly<Record<string, string>> = {
  "effect/Clock#Clock.unsafeCurrentTimeMillis": "currentTimeMillisUnsafe",
  "effect/Clock#Clock.unsafeCurrentTimeNanos": "currentTimeNanosUnsafe",
  "effect/Context#Context.unsafeMap": "mapUnsafe",
  "effect/Effect#Latch.unsafeClose": "closeUnsafe",
  "effect/Effect#Latch.unsafeOpen": "openUnsafe",
  "effect/Either#Left.left": "failure",
  "effect/Either#Right.right": "success",
  "effect/Fiber#RuntimeFiber.currentContext": "context",
  "effect/Fiber#RuntimeFiber.currentDefaultServices": "context",
  "effect/Fiber#RuntimeFiber.currentSpan": "cache.span",
  "effect/Fiber#RuntimeFiber.currentTracer": "cache.tracer",
  "effect/Fiber#RuntimeFiber.getFiberRef": "getRef",
  "effect/Fiber#RuntimeFiber.unsafeInterruptAsFork": "interruptUnsafe",
  "effect/Fiber#RuntimeFiber.unsafePoll": "pollUnsafe",
  "effect/ManagedRuntime#ManagedRuntime.runtimeEffect": "contextEffect",
  "effect/Metric#Metric.unsafeUpdate": "updateUnsafe",
  "effect/Schema#Schema.Context": "DecodingServices",
  "@effect/platform/Error#*.reason": "reason._tag",
  "@effect/platform/HttpClientError#*.reason": "reason._tag",
  "effect/Tracer#Span.context": "annotations"
}

/** Values of `_tag` with another name in Effect 4, by the type that declares the tag. */
export const tags: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "@effect/platform/HttpClientError#*.reason": {
    Decode: "DecodeError",
    EmptyBody: "EmptyBodyError",
    Encode: "EncodeError",
    InvalidUrl: "InvalidUrlError",
    StatusCode: "StatusCodeError",
    Transport: "TransportError"
  },
  "effect/Either#Left._tag": { Left: "Failure", Right: "Success" },
  "effect/Either#Right._tag": { Left: "Failure", Right: "Success" }
}

/** Comparisons of a tag with a value, and what replaces them after the value with the tag. */
export const comparisons: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "@effect/platform/Error#*._tag": {
    BadArgument: 'reason._tag === "BadArgument"',
    SystemError: 'reason._tag !== "BadArgument"'
  },
  "@effect/platform/HttpClientError#*._tag": {
    RequestError: "response === undefined",
    ResponseError: "response !== undefined"
  }
}

/** Values with members that are in a member of their own in Effect 4: the type, and that member. */
export const views: Readonly<Record<string, string>> = {
  "@effect/platform/UrlParams#UrlParams": "params"
}

/** Members that are the value itself in Effect 4. */
export const dropped: ReadonlySet<string> = new Set(["effect/Runtime#Runtime.context"])
