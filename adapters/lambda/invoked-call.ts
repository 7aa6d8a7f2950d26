import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { InvalidInputError } from "../../shared/core/errors.ts";
import type { ClientAddressSettings } from "../events/client-address.ts";
import {
  fromHttpEvent,
  fromProxyEvent,
  httpEventSchema,
  proxyEventSchema,
} from "../events/gateway-event.ts";
import {
  type BehindLoadBalancer,
  fromLoadBalancerEvent,
  loadBalancerEventSchema,
} from "../events/load-balancer-event.ts";
import type { Caller } from "../http/decide.ts";
import type { HttpAnswer } from "../http/denial.ts";

/** An HTTP call that invoked a function, and the response format of the event source. */
export interface InvokedCall {
  readonly request: ProtectedRequest;
  /** Decodes the body. Returns undefined for an empty body. */
  readBody(): string | undefined;
  /** Converts a response to the format of the event source. */
  respond(answer: HttpAnswer): object;
  /** Returns the `requestContext.authorizer` value that an authorizer would have set for this caller. */
  authorizer(caller: Caller): object;
}

const bodySchema = z.object({
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

function decodeBody({ body, isBase64Encoded }: z.output<typeof bodySchema>): string | undefined {
  if (!body) return undefined;
  return isBase64Encoded ? Buffer.from(body, "base64").toString("utf8") : body;
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  503: "Service Unavailable",
};

const respond = ({ status, headers, body }: HttpAnswer) => ({
  statusCode: status,
  headers,
  body,
  isBase64Encoded: false,
});

/**
 * Adds a status line, which load balancers accept, and uses the header format that the target group is configured for.
 */
const respondToBalancer = (answer: HttpAnswer, isMultiValue: boolean) => {
  const { headers, ...rest } = respond(answer);
  const { status } = answer;
  return {
    ...rest,
    statusDescription: `${status} ${STATUS_TEXT[status] ?? ""}`.trim(),
    ...(isMultiValue
      ? {
          multiValueHeaders: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name, [value]]),
          ),
        }
      : { headers }),
  };
};

/** Identifies the event source: `elb` for a load balancer, otherwise the payload format's version. */
const sourceSchema = z.object({
  version: z.unknown().optional(),
  requestContext: z.object({ elb: z.unknown().optional() }),
});

/**
 * Reads the event of a function URL, an HTTP API, a REST API or a load balancer.
 *
 * @throws InvalidInputError for any other event
 */
export function readInvokedCall(
  event: unknown,
  addresses: ClientAddressSettings,
  balancer: BehindLoadBalancer = {},
): InvokedCall {
  try {
    const { version, requestContext } = sourceSchema.parse(event);
    const body = bodySchema.parse(event);
    const readBody = () => decodeBody(body);
    if (requestContext.elb !== undefined) {
      const parsed = loadBalancerEventSchema.parse(event);
      return {
        request: fromLoadBalancerEvent(parsed, addresses, balancer),
        readBody,
        respond: (answer) => respondToBalancer(answer, Boolean(parsed.multiValueHeaders)),
        authorizer: (caller) => ({ ...caller }),
      };
    }
    if (version === "2.0") {
      const request = fromHttpEvent(httpEventSchema.parse(event), addresses);
      return { request, readBody, respond, authorizer: (caller) => ({ lambda: { ...caller } }) };
    }
    const request = fromProxyEvent(proxyEventSchema.parse(event), addresses);
    return { request, readBody, respond, authorizer: (caller) => ({ ...caller }) };
  } catch (error) {
    if (error instanceof z.ZodError) {
      throw new InvalidInputError(
        "the event of a function URL, an HTTP API, a REST API or a load balancer",
        error,
      );
    }
    throw error;
  }
}

const text = z.string();

const callerSchema = z.object({
  oauth_client_id: text,
  user_id: text.optional(),
  token_id: text,
  scope: text,
  expires_at: text,
  session_id: text.optional(),
  session_scope: text.optional(),
});

const eventSchema = z.object({
  requestContext: z.object({
    authorizer: z.union([z.object({ lambda: callerSchema }), callerSchema]),
  }),
});

/**
 * Returns the caller, if the function runs behind the middleware or behind the authorizer of a REST API or HTTP
 * API. The same handler works with all of them.
 *
 * @param event the handler's event
 * @returns undefined if neither the middleware nor the authorizer allowed the call
 * @example
 * ```typescript
 * export const handler = async (event: unknown) => ({ user: getCaller(event)?.user_id });
 * ```
 */
export function getCaller(event: unknown): Caller | undefined {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) return undefined;
  const { authorizer } = parsed.data.requestContext;
  const caller = "lambda" in authorizer ? authorizer.lambda : authorizer;
  return Object.fromEntries(
    Object.entries(caller).filter(([, value]) => value !== undefined),
  ) as unknown as Caller;
}
