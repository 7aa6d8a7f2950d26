import * as z from "zod";
import { busSink } from "../../adapters/events/event-sink.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { type Action, reasonSchema } from "../../shared/response/action.ts";
import {
  decideByLink,
  ExpiredApprovalLinkError,
  InvalidApprovalLinkError,
  type OpenedLink,
  openApprovalLink,
} from "../../shared/response/approval-link.ts";
import { actionProblem } from "../runtime/action-problem.ts";
import { kmsLinkKey } from "../runtime/approval-key.ts";
import { jsonBodyRoute } from "../runtime/json-route.ts";
import { logger } from "../runtime/logger.ts";
import { Problem } from "../runtime/problem.ts";
import { ACTING_TABLES, readTables } from "../runtime/read-tables.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "APPROVAL_KEY_ARN",
  "EVENT_BUS_NAME",
  "OAUTH_MONITORING_CONFIG",
]);
const context = {
  db: createDocumentClient("interactive"),
  ...readTables(...ACTING_TABLES),
  config: environment.OAUTH_MONITORING_CONFIG,
  clock: systemClock,
  logger,
  sink: busSink(environment.EVENT_BUS_NAME, logger),
  linkKey: kmsLinkKey(environment.APPROVAL_KEY_ARN),
};

/** Without a decision in the request, the route only shows the action. */
const requestSchema = z
  .strictObject({
    link: z.string().min(1).max(256),
    decision: z.enum(["approve", "reject"]).optional(),
    reason: reasonSchema.optional(),
  })
  .refine(
    ({ decision, reason }) => (decision === undefined) === (reason === undefined),
    "decision and reason belong together. Give both or neither",
  );

/** Returns the fields that anyone with a link may see: those in the notification, and the decision. */
function toLinkView({ action, expires_at, sent_to }: OpenedLink) {
  const { action_id, kind, target, state, reason, actor, requested_at, until, hits } = action;
  const { decided_by, decided_at, decision_reason }: Partial<Action> = action;
  return {
    action: {
      ...{ action_id, kind, target, state, reason, actor, requested_at, until, hits },
      ...{ decided_by, decided_at, decision_reason },
    },
    expires_at,
    sent_to,
  };
}

function toProblem(error: unknown): Problem | undefined {
  if (error instanceof InvalidApprovalLinkError)
    return new Problem(403, "Forbidden", error.message);
  if (error instanceof ExpiredApprovalLinkError) return new Problem(410, "Gone", error.message);
  return actionProblem(error);
}

/** POST /admin/oauth/approvals: shows a link's action, or approves or rejects it. Needs no token. */
export const handler = jsonBodyRoute(
  undefined,
  requestSchema,
  async ({ link, decision, reason }, event) => {
    if (decision === undefined || reason === undefined) {
      return toLinkView(await openApprovalLink(context, link));
    }
    const ip = event.requestContext.identity.sourceIp;
    return toLinkView(await decideByLink(context, link, { decision, reason, ip }));
  },
  toProblem,
);
