import { randomUUID } from "node:crypto";
import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { type ClientAddressSettings, clientAddressAtGateway } from "./client-address.ts";
import {
  callerFields,
  certificateOfHeader,
  fieldValues,
  headerFieldsSchema,
} from "./header-fields.ts";
import { credentialFields, loggableId, traceId } from "./invocation.ts";

/**
 * The fields of an Application Load Balancer's event that a decision needs. Depending on the target group, either
 * `headers` or `multiValueHeaders` is present.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
 */
export const loadBalancerEventSchema = headerFieldsSchema.extend({
  httpMethod: z.string(),
  path: z.string(),
  requestContext: z.object({ elb: z.object({ targetGroupArn: z.string() }) }),
});

export type LoadBalancerEvent = z.output<typeof loadBalancerEventSchema>;

/** Settings that a load balancer's event doesn't contain. */
export interface BehindLoadBalancer {
  /**
   * The origin that clients use, such as `https://api.example.com`. The `Host` header isn't trusted, because
   * callers control it.
   */
  readonly publicOrigin?: string | undefined;
  /** The header in which the load balancer passes the client certificate. */
  readonly clientCertificateHeader?: string | undefined;
}

/** Converts a load balancer's event to a request. */
export function fromLoadBalancerEvent(
  event: LoadBalancerEvent,
  addresses: ClientAddressSettings,
  { publicOrigin, clientCertificateHeader }: BehindLoadBalancer = {},
): ProtectedRequest {
  const fields = (name: string) => fieldValues(event, name);
  const trace = fields("x-amzn-trace-id")[0];
  // The load balancer adds `Self` if the caller sent a `Root`. The load balancer's access log contains this ID.
  const [, requestId = randomUUID()] = /(?:^|;)(?:Self|Root)=([^;]+)/.exec(trace ?? "") ?? [];
  const certificate =
    clientCertificateHeader && certificateOfHeader(fields(clientCertificateHeader.toLowerCase()));
  return {
    method: event.httpMethod,
    path: event.path,
    ...callerFields(fields),
    // The load balancer added the last entry. Callers can forge the others.
    ip: clientAddressAtGateway(undefined, fields, addresses),
    requestId: loggableId(requestId, credentialFields(fields)),
    traceId: traceId(trace),
    ...(publicOrigin ? { url: publicOrigin + event.path } : {}),
    ...(certificate ? { clientCertificate: certificate } : {}),
  };
}
