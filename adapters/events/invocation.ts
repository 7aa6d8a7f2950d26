import { withoutTokens } from "../../shared/events/redact-text.ts";
import type { FieldValues } from "./caller-fields.ts";
import { fieldValues, type HeaderFields } from "./header-fields.ts";

/** The part of an API Gateway event that has the request id and the headers. */
export interface RequestIdEvent extends HeaderFields {
  readonly requestContext: { readonly requestId: string };
}

/** The shortest credential. Shorter text could be in an id by chance. */
const SHORTEST_CREDENTIAL = 8;

/**
 * An id, unless it contains a token or credentials of its request: a caller can choose its id.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
 *
 * @param fields every value of the header fields that hold credentials
 */
export function loggableId(id: string, fields: readonly string[]): string {
  const credentials = fields
    .flatMap((field) => field.split(/[\s,]+/))
    .filter((part) => part.length >= SHORTEST_CREDENTIAL);
  const isSecret = credentials.some((credential) => id.includes(credential));
  return isSecret || withoutTokens(id) !== id ? "[secret]" : id;
}

/** Every value of the header fields that hold credentials. */
export function credentialFields(fields: FieldValues): string[] {
  return ["authorization", "mcp-session-id"].flatMap(fields);
}

/** The gateway's id of a request, safe to log and store. */
export function loggableRequestId(event: RequestIdEvent): string {
  const credentials = credentialFields((name) => fieldValues(event, name));
  return loggableId(event.requestContext.requestId, credentials);
}

/** X-Ray's header of the current invocation. The Lambda runtime sets it for each invocation. */
export function traceHeader(): string | undefined {
  return process.env._X_AMZN_TRACE_ID || undefined;
}

/** The id of a trace, for a search in X-Ray's console. */
export function traceId(header = traceHeader()): string | undefined {
  return /(?:^|;)Root=([^;]+)/.exec(header ?? "")?.[1];
}
