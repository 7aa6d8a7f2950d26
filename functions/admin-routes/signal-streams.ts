import middy from "@middy/core";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { readEnvironment } from "../../shared/config/environment.ts";
import { STREAM_SCOPES, TRANSMITTER_PATHS } from "../../shared/config/signal-parameters.ts";
import { answerPoll } from "../../shared/integrations/shared-signals/answer-poll.ts";
import {
  StreamRequestError,
  Streams,
} from "../../shared/integrations/shared-signals/manage-streams.ts";
import { transmitterMetadata } from "../../shared/integrations/shared-signals/stream.ts";
import { StreamChangedError } from "../../shared/integrations/shared-signals/stream-store.ts";
import { type HttpRequest, readHttpRequest } from "../runtime/http-request.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { Problem } from "../runtime/problem.ts";
import { createSetTransmitter } from "../runtime/set-transmitter.ts";
import { kmsSeal, kmsSigningKeys } from "../runtime/signing-keys.ts";

const environment = readEnvironment(process.env, [
  "SIGNING_KEY_ARNS",
  "SEALING_KEY_ARN",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("signal-streams", environment.OAUTH_MONITORING_STACK);
const transmitter = createSetTransmitter();
const keys = kmsSigningKeys(environment.SIGNING_KEY_ARNS);
const streams = new Streams({ ...transmitter, seal: kmsSeal(environment.SEALING_KEY_ARN) });

type Answer = APIGatewayProxyStructuredResultV2;

function json(statusCode: number, body: unknown, cache = "no-store"): Answer {
  return {
    statusCode,
    headers: { "Content-Type": "application/json", "Cache-Control": cache },
    body: JSON.stringify(body),
  };
}

const empty = (statusCode: number): Answer => ({
  statusCode,
  headers: { "Cache-Control": "no-store" },
  body: "",
});

/** Cache lifetime of the metadata and keys. A key rotation must take longer than this. */
const PUBLIC = "public, max-age=300";

/** @throws StreamRequestError if the body isn't JSON */
function readBody({ body }: HttpRequest): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new StreamRequestError(400, "the body must be JSON");
  }
}

/**
 * Returns the receiver, which is the client that the token was issued to. Checks the token's scope again, as the admin
 * routes do.
 *
 * @throws StreamRequestError 403 if the authorizer's context is missing the scope
 */
function getOwner({ caller, routeKey }: HttpRequest): string {
  const { oauth_client_id: client, scope } = caller;
  const reads = routeKey.startsWith("GET ") || routeKey.startsWith(`POST ${poll}/`);
  const needed = reads ? STREAM_SCOPES.read : STREAM_SCOPES.manage;
  if (typeof scope !== "string" || !scope.split(" ").includes(needed)) {
    throw new StreamRequestError(403, `the request requires the scope ${needed}`);
  }
  if (typeof client !== "string" || client === "") throw new Error("the call was not authorized");
  return client;
}

type Route = (request: HttpRequest) => Promise<Answer>;

const { metadata, keys: keysPath, streams: streamsPath, status, poll } = TRANSMITTER_PATHS;
const { addSubject, removeSubject, verification } = TRANSMITTER_PATHS;
const getStreamId = ({ queryStringParameters }: HttpRequest) => queryStringParameters.stream_id;

/** The routes (Shared Signals Framework 1.0, sections 7 and 8, and RFC 8936). */
const ROUTES: Readonly<Record<string, Route>> = {
  [`GET ${metadata}`]: async () => {
    const { issuer, settings } = transmitter;
    return json(200, transmitterMetadata(issuer, settings.defaultSubjects), PUBLIC);
  },
  [`GET ${keysPath}`]: async () => json(200, { keys: await keys.publicKeys() }, PUBLIC),
  [`GET ${streamsPath}`]: async (request) =>
    json(200, await streams.read(getOwner(request), getStreamId(request))),
  [`POST ${streamsPath}`]: async (request) =>
    json(201, await streams.create(getOwner(request), readBody(request))),
  [`PATCH ${streamsPath}`]: async (request) =>
    json(200, await streams.update(getOwner(request), readBody(request), false)),
  [`PUT ${streamsPath}`]: async (request) =>
    json(200, await streams.update(getOwner(request), readBody(request), true)),
  [`DELETE ${streamsPath}`]: async (request) => {
    await streams.delete(getOwner(request), getStreamId(request));
    return empty(204);
  },
  [`GET ${status}`]: async (request) =>
    json(200, await streams.readStatus(getOwner(request), getStreamId(request))),
  [`POST ${status}`]: async (request) =>
    json(200, await streams.updateStatus(getOwner(request), readBody(request))),
  [`POST ${addSubject}`]: async (request) => {
    await streams.setSubject(getOwner(request), readBody(request), true);
    return empty(200);
  },
  [`POST ${removeSubject}`]: async (request) => {
    await streams.setSubject(getOwner(request), readBody(request), false);
    return empty(204);
  },
  [`POST ${verification}`]: async (request) => {
    await streams.verify(getOwner(request), readBody(request));
    return empty(204);
  },
  [`POST ${poll}/{stream_id}`]: async (request) => {
    const { store, clock } = transmitter;
    const { stream_id = "" } = request.pathParameters;
    const answerer = { store, clock, keys, logger };
    const answer = await answerPoll(answerer, getOwner(request), stream_id, readBody(request));
    metrics.count("SetsPolled", Object.keys(answer.sets).length);
    metrics.publishSoon();
    return json(200, answer);
  },
};

/** Converts an error to a problem document with the status that the framework requires. */
function toProblem(error: unknown): Problem {
  if (error instanceof StreamRequestError) {
    return new Problem(error.status, "Stream request denied", error.message);
  }
  if (error instanceof StreamChangedError) {
    return new Problem(409, "Stream changed", error.message);
  }
  logger.error("Request failed", { cause: String(error) });
  return new Problem(
    500,
    "Internal error",
    "An unexpected error occurred and was logged. Try again.",
  );
}

/** Serves the transmitter's metadata, its keys, and stream management. */
export const handler = middy<unknown, Answer>()
  .use(logLambdaContext())
  .handler(async (event) => {
    const request = readHttpRequest(event);
    try {
      const route = ROUTES[request.routeKey];
      if (!route) throw new Error(`the route ${request.routeKey} does not exist`);
      return await route(request);
    } catch (error) {
      return toProblem(error).toResponse(request.requestId);
    }
  });
