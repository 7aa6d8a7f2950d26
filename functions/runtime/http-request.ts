import * as z from "zod";

/**
 * What a function behind an HTTP API reads of an event in payload format 2.0.
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
    /** What our authorizer says of the caller; empty for an open route. */
    caller: (requestContext.authorizer?.lambda ?? {}) as Readonly<Record<string, unknown>>,
  }));

/** A request to an HTTP API. */
export type HttpRequest = z.output<typeof eventSchema>;

/** @throws ZodError for what is no event of an HTTP API */
export function readHttpRequest(event: unknown): HttpRequest {
  return eventSchema.parse(event);
}
