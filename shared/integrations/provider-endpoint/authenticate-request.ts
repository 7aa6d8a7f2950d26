import { createHmac, timingSafeEqual } from "node:crypto";
import { credentialHeader, type EndpointAuthentication } from "../../config/provider-parameters.ts";
import { OAuthMonitoringError } from "../../core/errors.ts";
import { type ReceivedWebhook, verifyWebhook } from "../../response/standard-webhook.ts";
import { isSameText } from "../../tokens/access-token.ts";

/** Minimum characters of a key. A shorter key could be guessed. */
const SHORTEST_KEY = 16;
const MAX_KEYS = 5;

/** Thrown if a provider endpoint's secret is invalid. The message never contains any part of the secret. */
export class InvalidEndpointSecretError extends OAuthMonitoringError {
  override readonly name = "InvalidEndpointSecretError";

  constructor() {
    super(
      `the secret of a provider's endpoint must have 1 to ${MAX_KEYS} lines, each a key of at least ${SHORTEST_KEY} characters`,
    );
  }
}

/**
 * The result of authenticating a request: the signature's time, if it has one, or why the request was rejected. It is
 * safe to show the reason to the sender.
 */
export type RequestVerdict =
  | { readonly signedAtMs?: number | undefined }
  | { readonly rejection: string };

/** @throws InvalidEndpointSecretError if there is no key, there are too many keys, or one is too short */
function keysIn(secretText: string): string[] {
  const keys = secretText
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const isValid = keys.length > 0 && keys.length <= MAX_KEYS;
  if (!isValid || keys.some(({ length }) => length < SHORTEST_KEY)) {
    throw new InvalidEndpointSecretError();
  }
  return keys;
}

const HEX_DIGEST = /^(?:sha256=)?([0-9a-f]{64})$/i;

/** Whether a header is the HMAC-SHA256 of the body in hex, as sent by the Phase Two extension for Keycloak. */
function isSignedBody(keys: readonly string[], signature: string, body: Uint8Array): boolean {
  const [, hex] = HEX_DIGEST.exec(signature) ?? [];
  if (hex === undefined) return false;
  const digest = Buffer.from(hex, "hex");
  return keys
    .map((key) => createHmac("sha256", key).update(body).digest())
    .some((expected) => timingSafeEqual(digest, expected));
}

/**
 * Verifies that a request comes from the provider. Doesn't parse the body.
 *
 * @param secretText the endpoint's secret: one key per line
 * @param nowMs epoch milliseconds
 * @throws InvalidEndpointSecretError, InvalidWebhookSecretError if the secret is invalid
 */
export function authenticateRequest(
  authentication: EndpointAuthentication,
  secretText: string,
  request: ReceivedWebhook,
  nowMs: number,
): RequestVerdict {
  const keys = keysIn(secretText);
  const { kind, toleranceSeconds } = authentication;
  if (kind === "signature") return verifyWebhook(keys, request, { nowMs, toleranceSeconds });
  const name = credentialHeader(authentication);
  const credential = request.header(name);
  if (credential === undefined) return { rejection: `the header ${name} is missing or repeated` };
  // Compare every key, so that the response time doesn't reveal which one matched.
  const isRight =
    kind === "bearer"
      ? keys.map((key) => isSameText(credential, key)).includes(true)
      : isSignedBody(keys, credential, request.body);
  return isRight ? {} : { rejection: `the header ${name} is wrong` };
}
