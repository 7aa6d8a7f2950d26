import middy from "@middy/core";
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from "aws-lambda";
import * as z from "zod";
import { fieldValues } from "../../adapters/events/header-fields.ts";
import { loggableRequestId } from "../../adapters/events/invocation.ts";
import { getCaller } from "../../adapters/lambda/invoked-call.ts";
import { InvalidCursorError } from "../../shared/audit-log/event-cursor.ts";
import { toInputErrors } from "../../shared/core/errors.ts";
import { InvalidRangeError } from "../../shared/core/time-range.ts";
import { logger, logLambdaContext, logRequestId } from "./logger.ts";
import { badRequest, Problem } from "./problem.ts";

/** Returns the query parameters of a request. Each must be given only once. */
function singleParameters(event: APIGatewayProxyEvent): Record<string, string> {
  const parameters = event.multiValueQueryStringParameters ?? {};
  const entries = Object.entries(parameters).map(([name, values]) => {
    if (values && values.length > 1)
      throw badRequest([
        { pointer: `/${name}`, detail: `it is specified ${values.length} times. Specify it once` },
      ]);
    return [name, values?.[0] ?? ""] as const;
  });
  return Object.fromEntries(entries);
}

/** Converts an error to a problem for the caller. Hides the text of an unexpected error. */
function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof InvalidCursorError) {
    return badRequest([{ pointer: "/cursor", detail: error.message }]);
  }
  if (error instanceof InvalidRangeError) {
    return badRequest([{ pointer: error.pointer, detail: error.message }]);
  }
  return new Problem(
    500,
    "Internal error",
    "An unexpected error occurred and was logged. Try again.",
  );
}

/**
 * Validates a part of the request.
 *
 * @throws Problem 400 if it doesn't match the schema
 */
export function parseRequest<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw badRequest(toInputErrors(parsed.error));
  return parsed.data;
}

/**
 * Returns the schema of a query parameter that is an integer of at least 1.
 *
 * @param message error message
 */
export function wholeNumber(max: number, message: string) {
  return z
    .string()
    .regex(/^\d{1,4}$/, message)
    .transform(Number)
    .pipe(z.int(message).min(1, message).max(max, message));
}

/** Converts errors to problem documents, and logs server errors. */
export function problemResponses(): middy.MiddlewareObj {
  return {
    onError: (request) => {
      const problem = toProblem(request.error);
      const requestId = (request.event as APIGatewayProxyEvent).requestContext.requestId;
      if (problem.status >= 500) {
        logger.error("Request failed", {
          request_id: loggableRequestId(request.event as APIGatewayProxyEvent),
          error: request.error,
        });
      }
      request.response = problem.toResponse(requestId);
    },
  };
}

/**
 * Checks the scope of the caller's token again, after the authorizer. Functions that read the audit log or revoke
 * access don't rely on the authorizer alone.
 *
 * @throws Problem 403 if the authorizer's context is missing the scope
 */
function requireScope(event: APIGatewayProxyEvent, scope: string | undefined): void {
  if (scope === undefined || getCaller(event)?.scope.split(" ").includes(scope)) return;
  throw new Problem(403, "Forbidden", `The request requires the scope ${scope}`);
}

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

type JsonRoute = (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult>;

/** Creates a route that returns JSON that must not be cached. */
const createRoute = (
  scope: string | undefined,
  answer: (event: APIGatewayProxyEvent) => Promise<unknown>,
): JsonRoute =>
  middy<APIGatewayProxyEvent, APIGatewayProxyResult>()
    .use(logLambdaContext())
    .use(logRequestId())
    .use(problemResponses())
    .handler(async (event) => {
      requireScope(event, scope);
      return {
        statusCode: 200,
        headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
        body: JSON.stringify(await answer(event)),
      };
    });

/**
 * Creates a GET route that parses the query parameters.
 *
 * @param scope scope that the caller's token must have
 * @param parameters schema of the query parameters
 * @param answer returns the response for the parsed parameters
 */
export function jsonRoute<S extends z.ZodType>(
  scope: string | undefined,
  parameters: S,
  answer: (input: z.output<S>, event: APIGatewayProxyEvent) => Promise<unknown>,
): JsonRoute {
  return createRoute(scope, async (event) =>
    answer(parseRequest(parameters, singleParameters(event)), event),
  );
}

/**
 * Creates a POST route that parses a JSON body.
 *
 * @param scope scope that the token must have; undefined if the caller is authenticated in another way
 * @param schema schema of the body
 * @param answer performs the operation and returns the response
 * @param toProblem converts errors of the operation to problems
 */
export function jsonBodyRoute<S extends z.ZodType>(
  scope: string | undefined,
  schema: S,
  answer: (input: z.output<S>, event: APIGatewayProxyEvent) => Promise<unknown>,
  toProblem: (error: unknown) => Problem | undefined,
): JsonRoute {
  return createRoute(scope, async (event) => {
    const input = parseRequest(schema, parseBody(event));
    try {
      return await answer(input, event);
    } catch (error) {
      throw toProblem(error) ?? error;
    }
  });
}
