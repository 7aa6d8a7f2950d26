import { randomUUID } from "node:crypto";
import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { callerFields } from "./caller-fields.ts";
import { type ClientAddressSettings, clientAddressAtGateway } from "./client-address.ts";
import { certificateOfHeader } from "./client-certificate.ts";
import { fieldValues, headerFieldsSchema } from "./header-fields.ts";
import { credentialFields, loggableId, traceId } from "./invocation.ts";

/**
 * The part of an Application Load Balancer's event that a decision needs. A target group has either
 * single-value or multi-value headers.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
 */
export const loadBalancerEventSchema = headerFieldsSchema.extend({
  httpMethod: z.string(),
  path: z.string(),
  requestContext: z.object({ elb: z.object({ targetGroupArn: z.string() }) }),
});

export type LoadBalancerEvent = z.output<typeof loadBalancerEventSchema>;

/** What a load balancer's event does not say of its API. */
export interface BehindLoadBalancer {
  /** The origin that callers use, such as `https://api.example.com`. A caller can choose the `Host` header. */
  readonly publicOrigin?: string | undefined;
  /** The header in which the load balancer puts the caller's certificate. */
  readonly clientCertificateHeader?: string | undefined;
}

/** Reads the call from a load balancer's event. */
export function fromLoadBalancerEvent(
  event: LoadBalancerEvent,
  addresses: ClientAddressSettings,
  { publicOrigin, clientCertificateHeader }: BehindLoadBalancer = {},
): ProtectedRequest {
  const fields = (name: string) => fieldValues(event, name);
  const trace = fields("x-amzn-trace-id")[0];
  // `Self` is the balancer's where the caller sent a `Root`. Its access log has it.
  const [, requestId = randomUUID()] = /(?:^|;)(?:Self|Root)=([^;]+)/.exec(trace ?? "") ?? [];
  const certificate =
    clientCertificateHeader && certificateOfHeader(fields(clientCertificateHeader.toLowerCase()));
  return {
    method: event.httpMethod,
    path: event.path,
    ...callerFields(fields),
    // The balancer's own entry is the last one; a caller can send the others.
    ip: clientAddressAtGateway(undefined, fields, addresses),
    requestId: loggableId(requestId, credentialFields(fields)),
    traceId: traceId(trace),
    ...(publicOrigin ? { url: publicOrigin + event.path } : {}),
    ...(certificate ? { clientCertificate: certificate } : {}),
  };
}
