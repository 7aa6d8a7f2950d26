/** Timeout options of the SDK's Node.js request handler, in milliseconds. */
export interface RequestTimeouts {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly throwOnRequestTimeout: true;
}

/**
 * Returns request handler options that abort a request after `requestMs`. Without `throwOnRequestTimeout`, the SDK only
 * logs a warning and keeps waiting.
 */
export function giveUpAfter(requestMs: number): RequestTimeouts {
  return { connectionTimeout: 1000, requestTimeout: requestMs, throwOnRequestTimeout: true };
}
