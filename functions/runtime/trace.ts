/** X-Ray's header of the invocation at work; the Lambda runtime sets it anew for each. */
export function traceHeader(): string | undefined {
  return process.env._X_AMZN_TRACE_ID || undefined;
}

/** The id of the trace, which X-Ray's console finds. */
export function traceId(): string | undefined {
  return /(?:^|;)Root=([^;]+)/.exec(traceHeader() ?? "")?.[1];
}
