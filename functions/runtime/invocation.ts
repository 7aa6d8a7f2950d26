/** The headers of an API Gateway event. */
export interface HeaderFields {
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
  readonly multiValueHeaders?: Readonly<Record<string, string[] | undefined>> | null;
}

/** Every value of a header field, whatever the case of its name. */
export function fieldValues(event: HeaderFields, name: string): string[] {
  const multiple = Object.entries(event.multiValueHeaders ?? {})
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, values]) => values ?? []);
  if (multiple.length > 0) return multiple;
  return Object.entries(event.headers ?? {})
    .filter(([key, value]) => key.toLowerCase() === name && value !== undefined)
    .map(([, value]) => value as string);
}

/** An event of API Gateway, as far as its request id is concerned. */
export interface RequestIdEvent extends HeaderFields {
  readonly requestContext: { readonly requestId: string };
}

/** What is shorter is no credential, and would be found in many an id. */
const SHORTEST_CREDENTIAL = 8;

/**
 * The gateway's id of a request, fit to be logged and stored: callers can choose it, so it may hold the
 * credentials of the same request.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
 */
export function loggableRequestId(event: RequestIdEvent): string {
  const { requestId } = event.requestContext;
  const credentials = ["authorization", "mcp-session-id"]
    .flatMap((name) => fieldValues(event, name))
    .flatMap((field) => field.split(/[\s,]+/))
    .filter((part) => part.length >= SHORTEST_CREDENTIAL);
  return credentials.some((credential) => requestId.includes(credential)) ? "[secret]" : requestId;
}

/** X-Ray's header of the invocation at work; the Lambda runtime sets it anew for each. */
export function traceHeader(): string | undefined {
  return process.env._X_AMZN_TRACE_ID || undefined;
}

/** The id of the trace, which X-Ray's console finds. */
export function traceId(): string | undefined {
  return /(?:^|;)Root=([^;]+)/.exec(traceHeader() ?? "")?.[1];
}
