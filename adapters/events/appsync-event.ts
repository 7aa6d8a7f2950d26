import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { canonicalIp } from "../../shared/events/ip-address.ts";
import { forwardedFor, UNKNOWN_ADDRESS } from "./client-address.ts";
import {
  callerFields,
  type FieldValues,
  fieldValues,
  headerFieldsSchema,
} from "./header-fields.ts";
import { credentialFields, loggableId, traceId } from "./invocation.ts";

/**
 * The fields of AppSync's authorization event that a decision needs.
 * https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html#aws-lambda-authorization
 */
export const appSyncEventSchema = z.object({
  /** The `Authorization` header's value, including the scheme. */
  authorizationToken: z.string(),
  requestContext: z.object({
    apiId: z.string(),
    requestId: z.string(),
    operationName: z.string().nullish(),
  }),
  requestHeaders: headerFieldsSchema.shape.headers,
});

export type AppSyncEvent = z.output<typeof appSyncEventSchema>;

/** The path of every GraphQL operation. All of them are POST requests. */
const PATH = "/graphql";

/** Returns the caller's address: the second-to-last entry, because AppSync appends its CloudFront address. */
function callerAddress(fields: FieldValues): string {
  const addresses = forwardedFor(fields);
  return canonicalIp(addresses.at(-2) ?? addresses.at(-1) ?? UNKNOWN_ADDRESS);
}

/** Converts an AppSync event to a request. The audit events include the operation name, if present. */
export function fromAppSyncEvent(event: AppSyncEvent): ProtectedRequest {
  const { authorizationToken, requestContext, requestHeaders } = event;
  const fields = (name: string) => fieldValues({ headers: requestHeaders }, name);
  const [host] = fields("host");
  const { operationName } = requestContext;
  return {
    method: "POST",
    path: PATH,
    ...callerFields(fields),
    authorization: [authorizationToken],
    ip: callerAddress(fields),
    requestId: loggableId(requestContext.requestId, [
      authorizationToken,
      ...credentialFields(fields),
    ]),
    traceId: traceId(),
    ...(host === undefined ? {} : { url: `https://${host}${PATH}` }),
    ...(operationName ? { details: { graphql_operation: operationName } } : {}),
  };
}
