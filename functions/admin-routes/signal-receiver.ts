import middy from "@middy/core";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { readEnvironment } from "../../shared/config/environment.ts";
import {
  receiveSet,
  type SetOutcome,
  type SetReceipt,
} from "../../shared/integrations/shared-signals/receive-set.ts";
import { isSameText } from "../../shared/tokens/access-token.ts";
import { readHttpRequest } from "../runtime/http-request.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { secretText } from "../runtime/secret-text.ts";
import { countSet, createSetReceiver } from "../runtime/set-receiver.ts";

const { OAUTH_MONITORING_STACK } = readEnvironment(process.env, ["OAUTH_MONITORING_STACK"]);
const metrics = createMetrics("signal-receiver", OAUTH_MONITORING_STACK);

/** The endpoint is public, so metrics are written every few seconds instead of once per SET. */
function measure(outcome: SetOutcome): void {
  countSet(metrics, outcome);
  metrics.publishSoon();
}

const { receiver } = createSetReceiver(() => true, measure);

const NO_STORE = { "Cache-Control": "no-store" };
const ACCEPTED = { statusCode: 202, headers: NO_STORE, body: "" };
/** Response that makes the transmitter retry. */
const LATER = { statusCode: 503, headers: { ...NO_STORE, "Retry-After": "30" }, body: "" };

function rejection(err: string, description: string): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: 400,
    headers: { ...NO_STORE, "Content-Type": "application/json", "Content-Language": "en" },
    body: JSON.stringify({ err, description }),
  };
}

function answerTo(receipt: SetReceipt): APIGatewayProxyStructuredResultV2 {
  if (receipt.status === "verified") return ACCEPTED;
  return receipt.status === "rejected" ? rejection(receipt.err, receipt.description) : LATER;
}

/** POST /signals/events: receives a SET that a transmitter pushes (RFC 8935, section 2). */
export const handler = middy<unknown, APIGatewayProxyStructuredResultV2>()
  .use(logLambdaContext())
  .handler(async (event) => {
    const request = readHttpRequest(event);
    const [type = ""] = (request.header("content-type") ?? "").split(";");
    if (type.trim().toLowerCase() !== "application/secevent+jwt") {
      measure("invalid_request");
      return rejection("invalid_request", "the Content-Type must be application/secevent+jwt");
    }
    try {
      const receipt = await receiveSet(
        receiver,
        request.body.trim(),
        async ({ pushAuthorizationSecretArn: arn }) =>
          arn === undefined || isSameText(request.header("authorization"), await secretText(arn)),
      );
      return answerTo(receipt);
    } catch (error) {
      logger.error("A SET could not be processed; its transmitter will send it again", {
        request_id: request.requestId,
        cause: String(error),
      });
      return LATER;
    }
  });
