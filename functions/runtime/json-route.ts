import middy from "@middy/core";
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from "aws-lambda";
import * as z from "zod";
import { loggableRequestId } from "../../adapters/events/invocation.ts";
import { getCaller } from "../../adapters/lambda/invoked-call.ts";
import { InvalidCursorError } from "../../shared/audit-log/event-cursor.ts";
import { toInputErrors } from "../../shared/core/errors.ts";
import type { Logger } from "../../shared/core/telemetry.ts";
import { InvalidRangeError } from "../../shared/core/time-range.ts";
import { logLambdaContext, logRequestId } from "./logger.ts";
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
export function problemResponses(logger: Logger): middy.MiddlewareObj {
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
export function requireScope(event: APIGatewayProxyEvent, scope: string | undefined): void {
  if (scope === undefined || getCaller(event)?.scope.split(" ").includes(scope)) return;
  throw new Problem(403, "Forbidden", `The request requires the scope ${scope}`);
}

/**
 * Creates a GET route that parses the query parameters and returns JSON that must not be cached.
 *
 * @param scope scope that the caller's token must have
 * @param parameters schema of the query parameters
 * @param answer returns the response for the parsed parameters
 */
export function jsonRoute<S extends z.ZodType>(
  logger: Logger,
  scope: string | undefined,
  parameters: S,
  answer: (input: z.output<S>, event: APIGatewayProxyEvent) => Promise<unknown>,
): (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult> {
  return middy<APIGatewayProxyEvent, APIGatewayProxyResult>()
    .use(logLambdaContext())
    .use(logRequestId())
    .use(problemResponses(logger))
    .handler(async (event) => {
      requireScope(event, scope);
      const input = parseRequest(parameters, singleParameters(event));
      return {
        statusCode: 200,
        headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
        body: JSON.stringify(await answer(input, event)),
      };
    });
}
