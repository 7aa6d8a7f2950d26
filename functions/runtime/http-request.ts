import * as z from "zod";

/**
 * The fields of payload format 2.0 that a function behind an HTTP API reads.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
const eventSchema = z
  .object({
    routeKey: z.string(),
    headers: z.record(z.string(), z.string()).default({}),
    queryStringParameters: z.record(z.string(), z.string()).default({}),
    pathParameters: z.record(z.string(), z.string()).default({}),
    body: z.string().default(""),
    isBase64Encoded: z.boolean().default(false),
    requestContext: z.object({
      requestId: z.string(),
      authorizer: z.object({ lambda: z.record(z.string(), z.unknown()).nullish() }).nullish(),
    }),
  })
  .transform(({ body, isBase64Encoded, requestContext, headers, ...event }) => ({
    ...event,
    header: (name: string) => headers[name.toLowerCase()],
    body: isBase64Encoded ? Buffer.from(body, "base64").toString("utf8") : body,
    requestId: requestContext.requestId,
    /** The authorizer's context. Empty for a route without authorizer. */
    caller: (requestContext.authorizer?.lambda ?? {}) as Readonly<Record<string, unknown>>,
  }));

/** A request to an HTTP API. */
export type HttpRequest = z.output<typeof eventSchema>;

/**
 * Parses the event of an HTTP API.
 *
 * @throws ZodError for any other event
 */
export function readHttpRequest(event: unknown): HttpRequest {
  return eventSchema.parse(event);
}
