import { withoutTokens } from "../../shared/events/redact-text.ts";
import { type FieldValues, fieldValues, type HeaderFields } from "./header-fields.ts";

/** The request ID and headers of an API Gateway event. */
export interface RequestIdEvent extends HeaderFields {
  readonly requestContext: { readonly requestId: string };
}

/** The minimum length of text to treat as a credential. An ID could contain shorter text by chance. */
const SHORTEST_CREDENTIAL = 8;

/**
 * Returns the ID, or `[secret]` if it contains a token or the request's credentials. The ID isn't trusted because
 * callers can choose it.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
 *
 * @param fields all values of the headers that contain credentials
 */
export function loggableId(id: string, fields: readonly string[]): string {
  const credentials = fields
    .flatMap((field) => field.split(/[\s,]+/))
    .filter((part) => part.length >= SHORTEST_CREDENTIAL);
  const isSecret = credentials.some((credential) => id.includes(credential));
  return isSecret || withoutTokens(id) !== id ? "[secret]" : id;
}

/** Returns all values of the headers that contain credentials. */
export function credentialFields(fields: FieldValues): string[] {
  return ["authorization", "mcp-session-id"].flatMap(fields);
}

/** Returns API Gateway's request ID, safe to log and store. */
export function loggableRequestId(event: RequestIdEvent): string {
  const credentials = credentialFields((name) => fieldValues(event, name));
  return loggableId(event.requestContext.requestId, credentials);
}

/** Returns the X-Ray trace header, which the Lambda runtime sets for each invocation. */
export function traceHeader(): string | undefined {
  return process.env._X_AMZN_TRACE_ID || undefined;
}

/** Returns the X-Ray trace ID. */
export function traceId(header = traceHeader()): string | undefined {
  return /(?:^|;)Root=([^;]+)/.exec(header ?? "")?.[1];
}
