/** What the SDK's Node.js request handler is told of time, in milliseconds. */
export interface RequestTimeouts {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly throwOnRequestTimeout: true;
}

/**
 * Request handler settings of an SDK client that give up after `requestMs`. Without the last, the SDK
 * only logs a warning and goes on waiting for a service that hangs.
 */
export function giveUpAfter(requestMs: number): RequestTimeouts {
  return { connectionTimeout: 1000, requestTimeout: requestMs, throwOnRequestTimeout: true };
}
