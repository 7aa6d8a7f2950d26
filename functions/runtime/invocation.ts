/** The headers of an API Gateway event. */
export interface HeaderFields {
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
  readonly multiValueHeaders?: Readonly<Record<string, string[] | undefined>> | null;
}

/** Every value of a header field. The case of the name does not matter. */
export function fieldValues(event: HeaderFields, name: string): string[] {
  const multiple = Object.entries(event.multiValueHeaders ?? {})
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, values]) => values ?? []);
  if (multiple.length > 0) return multiple;
  return Object.entries(event.headers ?? {})
    .filter(([key, value]) => key.toLowerCase() === name && value !== undefined)
    .map(([, value]) => value as string);
}

/** The part of an API Gateway event that has the request id and the headers. */
export interface RequestIdEvent extends HeaderFields {
  readonly requestContext: { readonly requestId: string };
}

/** The shortest credential. Shorter text could be in an id by chance. */
const SHORTEST_CREDENTIAL = 8;

/**
 * The gateway's id of a request, safe to log and store. A caller can choose the id, so it may contain the
 * credentials of the request.
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

/** X-Ray's header of the current invocation. The Lambda runtime sets it for each invocation. */
export function traceHeader(): string | undefined {
  return process.env._X_AMZN_TRACE_ID || undefined;
}

/** The id of the trace, for a search in X-Ray's console. */
export function traceId(): string | undefined {
  return /(?:^|;)Root=([^;]+)/.exec(traceHeader() ?? "")?.[1];
}
