import type { APIGatewayProxyResult } from "aws-lambda";
import { type InputError, problemType, toSentence } from "../../shared/core/errors.ts";

/** A problem document (RFC 9457). A handler throws it to return it as the response. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    /** The errors in the request. Each pointer names a query parameter (RFC 9457, section 3). */
    readonly errors: readonly InputError[] = [],
    /** Response headers that the status requires. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = "Problem";
  }

  toResponse(requestId: string): APIGatewayProxyResult {
    return {
      statusCode: this.status,
      headers: {
        ...this.headers,
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
      },
      body: JSON.stringify({
        type: problemType(this.title),
        title: this.title,
        status: this.status,
        detail: this.detail,
        ...(this.errors.length > 0 && { errors: this.errors }),
        request_id: requestId,
      }),
    };
  }
}

/** Creates a problem that says what is wrong with a request and how to fix it. */
export const badRequest = (errors: readonly InputError[]): Problem =>
  new Problem(400, "Bad request", toSentence(errors), errors);
