import { fieldValues, type HeaderFields } from "./header-fields.ts";

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
