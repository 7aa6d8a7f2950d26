import type { IncomingMessage, ServerResponse } from "node:http";
import { renameHeaders } from "./gateway-headers.ts";

/**
 * The body size limit of both REST APIs and HTTP APIs.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** Content types whose bodies are passed as text. All other bodies are base64-encoded. */
const TEXT = /^(text\/|application\/(json|javascript|xml|x-www-form-urlencoded|[\w.-]+\+json))/i;

/** An error response of the service itself: `{"message": …}`. */
export class HttpRejection extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The request context of an event in payload format 2.0. */
export interface EventSource {
  readonly accountId: string;
  readonly apiId: string;
  readonly domainName: string;
  readonly stage: string;
  readonly routeKey: string;
  /** The path as the service passes it to the function. */
  readonly rawPath: string;
  readonly sourceIp: string;
  readonly requestId: string;
  readonly pathParameters: Readonly<Record<string, string>> | null;
}

/** Joins values with the same name with commas, as payload format 2.0 requires. */
function joined(entries: Iterable<readonly [string, string]>): Record<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of entries) {
    const before = all.get(name);
    all.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(all);
}

function* readHeaders({ rawHeaders }: IncomingMessage): Generator<readonly [string, string]> {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    yield [(rawHeaders[index] as string).toLowerCase(), rawHeaders[index + 1] as string];
  }
}

/**
 * Reads the body of a request.
 *
 * @param tooLarge creates the error to throw when the body exceeds the limit
 */
export async function bodyBytes(request: IncomingMessage, tooLarge: () => Error): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

const TOO_LARGE = () => new HttpRejection(413, "Request Entity Too Large");

/** Reads a request's body in the form that events use. */
export async function readBody(
  request: IncomingMessage,
): Promise<{ readonly body?: string; readonly isBase64Encoded: boolean }> {
  const body = await bodyBytes(request, TOO_LARGE);
  if (body.length === 0) return { isBase64Encoded: false };
  const isBase64Encoded = !TEXT.test(request.headers["content-type"] ?? "text/plain");
  return { body: body.toString(isBase64Encoded ? "base64" : "utf8"), isBase64Encoded };
}

/** Formats a time like `12/Mar/2020:19:03:58 +0000`. */
export function logTime(atMs: number): string {
  const [, day, month, year, time] =
    /^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(new Date(atMs).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}

/**
 * Converts a request to an event in payload format 2.0, without its body. Fields without a value are omitted.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function httpPayload(request: IncomingMessage, source: EventSource) {
  const [, query = ""] = (request.url ?? "/").split(/\?(.*)/s);
  const parameters = joined(new URLSearchParams(query));
  const headers = joined(readHeaders(request));
  const { cookie, ...others } = headers;
  const nowMs = Date.now();
  return {
    version: "2.0",
    routeKey: source.routeKey,
    rawPath: source.rawPath,
    rawQueryString: query,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/;\s*/) }),
    headers: others,
    ...(Object.keys(parameters).length > 0 ? { queryStringParameters: parameters } : {}),
    ...(source.pathParameters ? { pathParameters: source.pathParameters } : {}),
    requestContext: {
      accountId: source.accountId,
      apiId: source.apiId,
      domainName: source.domainName,
      domainPrefix: source.domainName.split(".")[0],
      http: {
        method: request.method ?? "GET",
        path: source.rawPath,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: source.sourceIp,
        userAgent: request.headers["user-agent"] ?? "",
      },
      requestId: source.requestId,
      routeKey: source.routeKey,
      stage: source.stage,
      time: logTime(nowMs),
      timeEpoch: nowMs,
    },
  };
}

interface FunctionAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  readonly cookies?: readonly string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

/** Interprets a function's result. A result without `statusCode` becomes the JSON body of a 200 response. */
function toAnswer(result: unknown): FunctionAnswer {
  const hasStatus = typeof result === "object" && result !== null && "statusCode" in result;
  if (hasStatus) return result as FunctionAnswer;
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: typeof result === "string" ? result : JSON.stringify(result),
  };
}

/** Sends a function's result in payload format 2.0 as the HTTP response. */
export function sendAnswer(
  response: ServerResponse,
  result: unknown,
  serviceHeaders: Readonly<Record<string, string>>,
): void {
  const { statusCode, headers = {}, cookies = [], body = "", isBase64Encoded } = toAnswer(result);
  response.writeHead(statusCode, {
    ...Object.fromEntries(
      Object.entries(renameHeaders(headers)).map(([name, value]) => [name, String(value)]),
    ),
    ...(cookies.length > 0 ? { "set-cookie": [...cookies] } : {}),
    ...serviceHeaders,
  });
  response.end(Buffer.from(body, isBase64Encoded ? "base64" : "utf8"));
}

/** Sends an error response of the service itself. */
export function sendRejection(
  response: ServerResponse,
  { status, message }: HttpRejection,
  serviceHeaders: Readonly<Record<string, string>>,
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...serviceHeaders });
  response.end(JSON.stringify({ message }));
}
