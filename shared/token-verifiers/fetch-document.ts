import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";

/** An issuer did not answer, or not as its protocol says. */
export class IssuerUnavailableError extends OAuthMonitoringError {
  override readonly name = "IssuerUnavailableError";
}

/** A caller waits. */
const TIMEOUT_MS = 2000;
/** A hundred keys have 100 KB. */
const MAX_BYTES = 512 * 1024;

/** An answer of an issuer. */
export interface IssuerAnswer {
  readonly status: number;
  /** The media type in lower case, without parameters. */
  readonly type: string;
  readonly text: string;
}

/** How long an answer may take, and how long it may be. */
export interface AnswerLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Asks an issuer, within two seconds. It follows no redirect, which could lead away from the issuer.
 *
 * @param limits other limits, where nobody waits
 * @throws IssuerUnavailableError when there is no answer
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
    throw new IssuerUnavailableError(`${url} does not answer: ${why}`);
  }
}

/**
 * A JSON document of an issuer.
 *
 * @throws IssuerUnavailableError when there is none
 */
export async function fetchDocument(url: string): Promise<unknown> {
  const { status, text } = await askIssuer(url, { headers: { accept: "application/json" } });
  if (status !== 200) throw new IssuerUnavailableError(`${url} answers with status ${status}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new IssuerUnavailableError(`${url} answers with what is not JSON`);
  }
}
