import { OAuthMonitoringError } from "../core/errors.ts";

/** Thrown when an issuer doesn't respond, or its response violates the protocol. */
export class IssuerUnavailableError extends OAuthMonitoringError {
  override readonly name = "IssuerUnavailableError";
}

/** Short, because a caller waits. */
const TIMEOUT_MS = 2000;
/** For comparison, 100 keys take 100 KB. */
const MAX_BYTES = 512 * 1024;

/** An issuer's response. */
export interface IssuerAnswer {
  readonly status: number;
  /** Media type in lower case, without parameters. */
  readonly type: string;
  readonly text: string;
}

/** Timeout and maximum size of a response. */
export interface AnswerLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the response has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Sends a request to an issuer, with a timeout of two seconds. Doesn't follow redirects, which could lead away from the
 * issuer.
 *
 * @param limits other limits, for background requests
 * @throws IssuerUnavailableError if there is no response
 */
export async function askIssuer(
  url: string,
  init: RequestInit = {},
  { timeoutMs, maxBytes }: AnswerLimits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES },
): Promise<IssuerAnswer> {
  try {
    const response = await fetch(url, {
      ...init,
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
    return {
      status: response.status,
      type: type.trim().toLowerCase(),
      text: await readText(response, maxBytes),
    };
  } catch (error) {
    const { message, cause } = error as Error;
    const why =
      cause instanceof Error
        ? cause.message || String((cause as NodeJS.ErrnoException).code)
        : message;
    throw new IssuerUnavailableError(`${url} did not respond: ${why}`);
  }
}

/**
 * Fetches a JSON document from an issuer.
 *
 * @throws IssuerUnavailableError if the response isn't a JSON document with status 200
 */
export async function fetchDocument(url: string): Promise<unknown> {
  const { status, text } = await askIssuer(url, { headers: { accept: "application/json" } });
  if (status !== 200) throw new IssuerUnavailableError(`${url} returned status ${status}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new IssuerUnavailableError(`${url} did not return JSON`);
  }
}
