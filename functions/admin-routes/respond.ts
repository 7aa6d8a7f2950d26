import { createHash } from "node:crypto";
import type { APIGatewayProxyEvent } from "aws-lambda";
import * as z from "zod";
import { busSink } from "../../adapters/events/event-sink.ts";
import { RESPOND_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { instantSchema, systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { reviewAlert, VERDICTS } from "../../shared/detection/verdicts.ts";
import {
  type Actor,
  actionTargetSchema,
  idempotencyKeySchema,
  reasonSchema,
} from "../../shared/response/action.ts";
import { approveAction, rejectAction, releaseAction } from "../../shared/response/decide-action.ts";
import { countHits } from "../../shared/response/everything.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import { actionProblem } from "../runtime/action-problem.ts";
import { jsonBodyRoute, singleField } from "../runtime/json-route.ts";
import { logger } from "../runtime/logger.ts";
import { badRequest } from "../runtime/problem.ts";
import { ACTING_TABLES, readTables } from "../runtime/read-tables.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "EVENT_BUS_NAME",
  "OAUTH_MONITORING_CONFIG",
]);
const context = {
  db: createDocumentClient("interactive"),
  ...readTables(...ACTING_TABLES, "ALERTS_TABLE"),
  config: environment.OAUTH_MONITORING_CONFIG,
  clock: systemClock,
  logger,
  sink: busSink(environment.EVENT_BUS_NAME, logger),
};

const actionSchema = z.strictObject({
  kind: z.enum(["revoke", "block"]),
  target: actionTargetSchema,
  reason: reasonSchema,
  until: instantSchema.optional(),
  issued_before: instantSchema.optional(),
  mode: z.enum(["take", "propose"]).default("take"),
  alert_id: z.string().min(1).max(1024).optional(),
  /** Confirms that an action against all principals also revokes the token of this request. */
  ends_own_token: z.literal(true).optional(),
});

const countSchema = z.strictObject({
  target: actionTargetSchema,
  issued_before: instantSchema.optional(),
});

const decisionSchema = z.strictObject({ reason: reasonSchema });

const reviewSchema = z.strictObject({
  alert_id: z.string().min(1).max(1024),
  acknowledge: z.literal(true).optional(),
  note: z.string().optional(),
  verdict: z.enum([...VERDICTS, "none"]).optional(),
});

/** Returns the authenticated caller: the user, or the client if the token has no user. */
function toActor({ requestContext }: APIGatewayProxyEvent): Actor {
  const { user_id, oauth_client_id } = (requestContext.authorizer ?? {}) as Record<string, string>;
  return { kind: "administrator", id: user_id ?? oauth_client_id ?? "unknown" };
}

const OWN_TOKEN_ENDS = badRequest([
  {
    pointer: "/ends_own_token",
    detail:
      "this also revokes the token of this request, unless it was issued after issued_before. Send true to confirm",
  },
]);

const DECISIONS = { approve: approveAction, reject: rejectAction, release: releaseAction } as const;

function decide(decision: keyof typeof DECISIONS) {
  return jsonBodyRoute(
    RESPOND_SCOPE,
    decisionSchema,
    ({ reason }, event) =>
      DECISIONS[decision](context, {
        actionId: event.pathParameters?.action_id ?? "",
        actor: toActor(event),
        reason,
      }),
    actionProblem,
  );
}

const ROUTES = {
  actions: jsonBodyRoute(
    RESPOND_SCOPE,
    actionSchema,
    (body, event) => {
      const { kind, target, reason, until, issued_before, mode, alert_id, ends_own_token } = body;
      const key = getKey(event);
      if (target.kind === "all" && !ends_own_token) throw OWN_TOKEN_ENDS;
      return takeAction(context, {
        kind,
        target,
        reason,
        until,
        issuedBefore: issued_before,
        mode,
        alertId: alert_id,
        actor: toActor(event),
        idempotencyKey: key,
        ...(key !== undefined && { requestDigest: computeDigest(body) }),
      });
    },
    actionProblem,
  ),
  "action-counts": jsonBodyRoute(
    RESPOND_SCOPE,
    countSchema,
    ({ target, issued_before }) => countHits(context, target, systemClock(), issued_before),
    actionProblem,
  ),
  approve: decide("approve"),
  reject: decide("reject"),
  release: decide("release"),
  "alert-reviews": jsonBodyRoute(
    RESPOND_SCOPE,
    reviewSchema,
    ({ alert_id, ...changes }, event) =>
      reviewAlert(context, { alertId: alert_id, by: toActor(event).id, ...changes }),
    actionProblem,
  ),
};

/** The schema fixes the order of members, so white space and order in the request don't affect the digest. */
const computeDigest = (body: object) =>
  createHash("sha256").update(JSON.stringify(body)).digest("hex");

/**
 * Returns the idempotency key of a request (draft-ietf-httpapi-idempotency-key-header), with or without the quotes
 * of a structured field.
 */
function getKey(event: APIGatewayProxyEvent): string | undefined {
  const field = singleField(event, "idempotency-key");
  if (field === undefined) return undefined;
  const key = idempotencyKeySchema.safeParse(field.trim().replace(/^"([^"]*)"$/, "$1"));
  if (key.success) return key.data;
  throw badRequest([
    { pointer: "", detail: "Idempotency-Key must be 1 to 128 visible ASCII characters" },
  ]);
}

/** POST /admin/oauth/actions and its subroutes, and POST /admin/oauth/alert-reviews */
export const handler: (typeof ROUTES)["actions"] = (event, lambdaContext) => {
  const route = event.resource.split("/").at(-1) as keyof typeof ROUTES;
  return ROUTES[route](event, lambdaContext);
};
