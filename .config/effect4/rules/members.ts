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
  "effect/Fiber#RuntimeFiber.getFiberRef": "getRef",
  "effect/Fiber#RuntimeFiber.unsafeInterruptAsFork": "interruptUnsafe",
  "effect/Fiber#RuntimeFiber.unsafePoll": "pollUnsafe",
  "effect/ManagedRuntime#ManagedRuntime.runtimeEffect": "contextEffect",
  "effect/Metric#Metric.unsafeUpdate": "updateUnsafe",
  "effect/Schema#Schema.Context": "DecodingServices",
  "effect/Tracer#Span.context": "annotations"
}

/** Values of `_tag` with another name in Effect 4, by the type that declares the tag. */
export const tags: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "effect/Either#Left._tag": { Left: "Failure", Right: "Success" },
  "effect/Either#Right._tag": { Left: "Failure", Right: "Success" }
}
