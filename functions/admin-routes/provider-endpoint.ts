import middy from "@middy/core";
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from "aws-lambda";
import { busSink } from "../../adapters/events/event-sink.ts";
import { fieldValues } from "../../adapters/events/header-fields.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import type { ProviderEndpoint } from "../../shared/config/provider-parameters.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import {
  authenticateRequest,
  type RequestVerdict,
} from "../../shared/integrations/provider-endpoint/authenticate-request.ts";
import {
  type BodyRecords,
  firstReceipt,
  parseRecords,
  type ReceiptStore,
  type RecordReceipt,
  receiveRecords,
  TooManyRecordsError,
  UnreadableBodyError,
} from "../../shared/integrations/provider-endpoint/receive-records.ts";
import {
  type ProviderAdapter,
  recordsIn,
} from "../../shared/integrations/providers/provider-adapter.ts";
import { loadAdapters } from "../../shared/integrations/providers/provider-adapters.ts";
import type { ReceivedWebhook } from "../../shared/response/standard-webhook.ts";
import { problemResponses } from "../runtime/json-route.ts";
import { logger, logLambdaContext, logRequestId } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { badRequest, Problem } from "../runtime/problem.ts";
import { secretText } from "../runtime/secret-text.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "COUNTERS_TABLE",
  "EVENT_BUS_NAME",
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
]);
const config = environment.OAUTH_MONITORING_CONFIG;
const adapters = await loadAdapters(config.providers.mappings);
const sink = busSink(environment.EVENT_BUS_NAME, logger);
const receipts: ReceiptStore = {
  db: createDocumentClient("interactive"),
  countersTable: environment.COUNTERS_TABLE,
  config,
};
const metrics = createMetrics("provider-endpoint", environment.OAUTH_MONITORING_STACK);

/** Lambda's limit is 6 MB, which includes the JSON escaping of the body. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Maximum length of Okta's verification challenge. */
const MAX_CHALLENGE = 1024;

/** Creates a problem that makes the provider retry later. */
const later = (detail: string) =>
  new Problem(503, "Service unavailable", detail, [], { "Retry-After": "30" });

const tooLarge = (detail: string) => new Problem(413, "Content too large", detail);

/** Returns the provider's endpoint and adapter, based on the path. */
function servedBy(event: APIGatewayProxyEvent) {
  const name = event.pathParameters?.provider;
  const endpoint = config.providers.endpoints.find(({ provider }) => provider === name);
  const adapter = adapters.find((each) => each.name === name);
  // Only Okta verifies its endpoint with GET.
  const isAsked = event.httpMethod !== "GET" || name === "okta";
  if (!endpoint || !adapter || !isAsked) {
    throw new Problem(
      404,
      "Not found",
      "No endpoint is configured for this provider. Check the name in the path.",
    );
  }
  return { endpoint, adapter };
}

/** Returns the exact bytes that were signed. */
function readBody({ body, isBase64Encoded }: APIGatewayProxyEvent): Buffer {
  const bytes = Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8");
  if (bytes.length <= MAX_BODY_BYTES) return bytes;
  throw tooLarge(
    `The body is larger than ${MAX_BODY_BYTES} bytes. Send fewer records per request.`,
  );
}

/** Verifies a request with the provider's current keys. */
async function getVerdict(
  { provider, authentication }: ProviderEndpoint,
  request: ReceivedWebhook,
): Promise<RequestVerdict> {
  try {
    const keys = await secretText(authentication.secretArn);
    return authenticateRequest(authentication, keys, request, systemClock());
  } catch (error) {
    logger.error(
      "The secret of a provider endpoint cannot be read; the provider must retry its requests",
      {
        provider,
        cause: String(error),
      },
    );
    throw later("The request cannot be authenticated now. Send it again.");
  }
}

/**
 * Authenticates the provider.
 *
 * @returns the time at which the provider signed the request, if the signature contains it
 */
async function authenticate(
  endpoint: ProviderEndpoint,
  event: APIGatewayProxyEvent,
  body: Buffer,
): Promise<number | undefined> {
  const header = (name: string) => {
    const [value, ...repeats] = fieldValues(event, name);
    // Rejects a repeated header, because different components could read different values.
    return repeats.length === 0 ? value : undefined;
  };
  const { provider, authentication } = endpoint;
  const verdict = await getVerdict(endpoint, { header, body });
  if (!("rejection" in verdict)) return verdict.signedAtMs;
  metrics.count("RequestsUnauthenticated", 1);
  metrics.publishSoon();
  logger.debug("A provider request failed authentication", { provider, reason: verdict.rejection });
  const scheme = authentication.kind === "bearer" ? "Bearer" : "Signature";
  throw new Problem(
    401,
    "Unauthorized",
    `The request could not be authenticated: ${verdict.rejection}`,
    [],
    { "WWW-Authenticate": `${scheme} realm="${config.realm}"` },
  );
}

function read(adapter: ProviderAdapter, body: Buffer): BodyRecords {
  try {
    return parseRecords(body, (value) => recordsIn(adapter, value));
  } catch (error) {
    metrics.count("RequestsUnreadable", 1);
    metrics.publishSoon();
    if (error instanceof TooManyRecordsError) throw tooLarge(error.message);
    if (error instanceof UnreadableBodyError) {
      throw badRequest([{ pointer: "", detail: error.message }]);
    }
    throw error;
  }
}

async function publish(
  adapter: ProviderAdapter,
  { records }: BodyRecords,
  signedAtMs: number | undefined,
): Promise<RecordReceipt> {
  try {
    return await receiveRecords(
      {
        adapter,
        config,
        sink,
        firstReceipt: (event) => firstReceipt(receipts, event),
        clock: systemClock,
      },
      records,
      signedAtMs,
    );
  } catch (error) {
    metrics.count("RequestsFailed", 1);
    metrics.publishSoon();
    logger.error(
      "A provider's events could not be published; the provider must retry its request",
      {
        provider: adapter.name,
        cause: String(error),
      },
    );
    throw later("Some records could not be accepted. Send the whole request again.");
  }
}

/**
 * Answers Okta's one-time verification of an event hook.
 * https://developer.okta.com/docs/concepts/event-hooks/
 */
function verification(event: APIGatewayProxyEvent): unknown {
  const [challenge = ""] = fieldValues(event, "x-okta-verification-challenge");
  if (challenge === "" || challenge.length > MAX_CHALLENGE) {
    throw badRequest([
      { pointer: "", detail: "the header x-okta-verification-challenge is missing" },
    ]);
  }
  return { verification: challenge };
}

async function receive(
  adapter: ProviderAdapter,
  body: Buffer,
  signedAtMs: number | undefined,
): Promise<unknown> {
  const parsed = read(adapter, body);
  const { published, expired } = await publish(adapter, parsed, signedAtMs);
  const { rejectedLines } = parsed;
  metrics.count("RecordsAccepted", published);
  metrics.count("RecordsRejected", rejectedLines.length + expired);
  metrics.publishSoon();
  return {
    accepted: published,
    ...(expired > 0 && { expired }),
    ...(rejectedLines.length > 0 && { rejected_lines: rejectedLines }),
  };
}

/** POST /providers/{provider}/events: receives events from an identity provider. GET answers Okta's verification. */
export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>()
  .use(logLambdaContext())
  .use(logRequestId())
  .use(problemResponses())
  .handler(async (event) => {
    const { endpoint, adapter } = servedBy(event);
    const body = readBody(event);
    const signedAtMs = await authenticate(endpoint, event, body);
    const answer =
      event.httpMethod === "GET" ? verification(event) : await receive(adapter, body, signedAtMs);
    return {
      statusCode: 200,
      headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
      body: JSON.stringify(answer),
    };
  });
