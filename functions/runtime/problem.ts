import type { APIGatewayProxyResult } from "aws-lambda";

/** A problem document (RFC 9457) that a handler answers with by throwing it. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail);
    this.name = "Problem";
  }

  toResponse(requestId: string): APIGatewayProxyResult {
    return {
      statusCode: this.status,
      headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store" },
      body: JSON.stringify({
        type: `urn:oauth-monitoring:problem:${this.title.toLowerCase().replaceAll(" ", "-")}`,
        title: this.title,
        status: this.status,
        detail: this.detail,
        request_id: requestId,
      }),
    };
  }
}

/** The caller's mistake, said so that it can be mended. */
export const badRequest = (detail: string): Problem => new Problem(400, "Bad request", detail);
