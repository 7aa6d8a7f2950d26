import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { canonicalIp } from "../../shared/events/ip-address.ts";
import { callerFields, type FieldValues } from "./caller-fields.ts";
import { forwardedFor, UNKNOWN_ADDRESS } from "./client-address.ts";
import { fieldValues, headerFieldsSchema } from "./header-fields.ts";
import { credentialFields, loggableId, traceId } from "./invocation.ts";

/**
 * The part of AppSync's authorization event that a decision needs.
 * https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html#aws-lambda-authorization
 */
export const appSyncEventSchema = z.object({
  /** What the caller put into `Authorization`, scheme included. */
  authorizationToken: z.string(),
  requestContext: z.object({
    apiId: z.string(),
    requestId: z.string(),
    operationName: z.string().nullish(),
  }),
  requestHeaders: headerFieldsSchema.shape.headers,
});

export type AppSyncEvent = z.output<typeof appSyncEventSchema>;

/** Every operation of a GraphQL API is a POST to this path. */
const PATH = "/graphql";

/** AppSync adds the address of its own CloudFront after the caller's. */
function callerAddress(fields: FieldValues): string {
  const addresses = forwardedFor(fields);
  return canonicalIp(addresses.at(-2) ?? addresses.at(-1) ?? UNKNOWN_ADDRESS);
}

/** Reads the call from AppSync's event. The name of its operation, if it has one, is a detail of its events. */
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
