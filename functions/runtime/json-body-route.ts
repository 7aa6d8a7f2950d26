import middy from "@middy/core";
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from "aws-lambda";
import type * as z from "zod";
import { fieldValues } from "../../adapters/events/header-fields.ts";
import type { Logger } from "../../shared/core/telemetry.ts";
import { parseRequest, problemResponses, requireScope } from "./json-route.ts";
import { logLambdaContext, logRequestId } from "./logger.ts";
import { badRequest, Problem } from "./problem.ts";

/** These requests are small. API Gateway's limit is 10 MB. */
const MAX_BODY_BYTES = 16 * 1024;

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * Parses the body as JSON.
 *
 * @throws Problem if the body is too large or isn't JSON
 */
function parseBody(event: APIGatewayProxyEvent): unknown {
  const [type = ""] = fieldValues(event, "content-type");
  if (!JSON_TYPE.test(type)) {
    throw new Problem(
      415,
      "Unsupported media type",
      "The body is not declared as JSON. Send Content-Type: application/json.",
    );
  }
  const body = event.isBase64Encoded
    ? Buffer.from(event.body ?? "", "base64").toString()
    : (event.body ?? "");
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) {
    throw new Problem(
      413,
      "Content too large",
      `The body is larger than ${MAX_BODY_BYTES} bytes. Send a smaller body.`,
    );
  }
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest([{ pointer: "", detail: "the body is not JSON" }]);
  }
}

/**
 * Returns the value of a header that must not be repeated.
 *
 * @param name in lower case
 */
export function singleField(event: APIGatewayProxyEvent, name: string): string | undefined {
  const values = fieldValues(event, name);
  if (values.length > 1) {
    throw badRequest([
      { pointer: "", detail: `${name} is given ${values.length} times. Give it once` },
    ]);
  }
  return values[0];
}

/**
 * Creates a POST route that parses a JSON body and returns JSON that must not be cached.
 *
 * @param scope scope that the token must have; undefined if the caller is authenticated in another way
 * @param getSchema returns the schema of the body for the event's resource
 * @param answer performs the operation and returns the response
 * @param toProblem converts errors of the operation to problems
 */
export function jsonBodyRoute<S extends z.ZodType>(
  logger: Logger,
  scope: string | undefined,
  getSchema: (event: APIGatewayProxyEvent) => S,
  answer: (input: z.output<S>, event: APIGatewayProxyEvent) => Promise<unknown>,
  toProblem: (error: unknown) => Problem | undefined,
): (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult> {
  return middy<APIGatewayProxyEvent, APIGatewayProxyResult>()
    .use(logLambdaContext())
    .use(logRequestId())
    .use(problemResponses(logger))
    .handler(async (event) => {
      requireScope(event, scope);
      const input = parseRequest(getSchema(event), parseBody(event));
      try {
        return {
          statusCode: 200,
          headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
          body: JSON.stringify(await answer(input, event)),
        };
      } catch (error) {
        throw toProblem(error) ?? error;
      }
    });
}
