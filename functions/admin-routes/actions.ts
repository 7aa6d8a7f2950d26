import * as z from "zod";
import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { DAY_MS, instantSchema, systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { identifierSchema } from "../../shared/events/identifiers.ts";
import { ACTION_STATES, actionTargetSchema } from "../../shared/response/action.ts";
import { listActionsOfState, listActionsOfTarget } from "../../shared/response/action-store.ts";
import {
  listExpiringTokens,
  listPrincipalSessions,
  listPrincipalTokens,
  listUnusedTokens,
} from "../../shared/response/list-credentials.ts";
import type { Principal } from "../../shared/tokens/credentials.ts";
import { jsonRoute, parseRequest, wholeNumber } from "../runtime/json-route.ts";
import { badRequest } from "../runtime/problem.ts";
import { readTables } from "../runtime/read-tables.ts";

const { OAUTH_MONITORING_CONFIG: config } = readEnvironment(withConfigFile(process.env), [
  "OAUTH_MONITORING_CONFIG",
]);
const context = {
  db: createDocumentClient("interactive"),
  ...readTables("TOKENS_TABLE", "SESSIONS_TABLE", "CREDENTIALS_TABLE", "ACTIONS_TABLE"),
  config,
};

const DEFAULT_LIMIT = 100;

const limit = wholeNumber(500, "a whole number from 1 to 500").default(DEFAULT_LIMIT);

const actionsSchema = z
  .strictObject({
    limit,
    state: z.enum(ACTION_STATES).optional(),
    target_kind: z.string().optional(),
    target_id: z.string().optional(),
  })
  .refine(
    ({ target_kind, target_id }) => (target_kind === undefined) === (target_id === undefined),
    "target_kind and target_id belong together. Give both or neither",
  )
  .refine(
    ({ state, target_kind }) => state === undefined || target_kind === undefined,
    "state and a target exclude each other. Give only one",
  );

const credentialShape = {
  limit,
  client_id: identifierSchema.optional(),
  user_id: identifierSchema.optional(),
};

const sessionsSchema = z.strictObject(credentialShape);

const days = wholeNumber(366, "a whole number of days, from 1 to 366").optional();

const tokensSchema = z
  .strictObject({
    ...credentialShape,
    limit: limit.unwrap().optional(),
    expiring_days: days,
    unused_days: days,
    expires_before: instantSchema.optional(),
  })
  .refine(
    ({ unused_days, expires_before }) => unused_days !== undefined || expires_before === undefined,
    "expires_before is a cursor for unused_days. Give both",
  )
  .refine(
    ({ unused_days, limit }) => unused_days === undefined || limit === undefined,
    "limit cannot be combined with unused_days, which has pages of a fixed size. Remove it",
  );

const reject = (message: string): never => {
  throw badRequest([{ pointer: "", detail: message }]);
};

const countDefined = (values: readonly unknown[]) =>
  values.filter((value) => value !== undefined).length;

const requireOneOf = (names: string, values: readonly unknown[]) =>
  countDefined(values) === 1 || reject(`give exactly one of ${names}`);

const atMostOne = (names: string, values: readonly unknown[]) =>
  countDefined(values) <= 1 || reject(`give at most one of ${names}`);

const getPrincipal = (client_id: string | undefined, user_id: string | undefined): Principal =>
  client_id === undefined
    ? { kind: "user", id: user_id as string }
    : { kind: "client", id: client_id };

async function actions(raw: unknown) {
  const { limit, state = "done", target_kind, target_id } = parseRequest(actionsSchema, raw);
  if (target_kind === undefined) {
    return { actions: await listActionsOfState(context, state, limit) };
  }
  const target = parseRequest(actionTargetSchema, { kind: target_kind, id: target_id });
  return { actions: await listActionsOfTarget(context, target, limit) };
}

async function tokens(raw: unknown) {
  const { client_id, user_id, ...query } = parseRequest(tokensSchema, raw);
  const { limit = DEFAULT_LIMIT, expiring_days, unused_days, expires_before } = query;
  const nowMs = systemClock();
  if (unused_days !== undefined) {
    atMostOne("client_id, user_id and expiring_days", [client_id, user_id, expiring_days]);
    atMostOne("unused_days and expiring_days", [unused_days, expiring_days]);
    const { items, examined, next } = await listUnusedTokens(context, {
      nowMs,
      sinceMs: nowMs - unused_days * DAY_MS,
      principal:
        client_id === undefined && user_id === undefined
          ? undefined
          : getPrincipal(client_id, user_id),
      expiresBefore: expires_before,
    });
    return { tokens: items, examined, more: next !== undefined, expires_before: next };
  }
  requireOneOf("client_id, user_id and expiring_days", [client_id, user_id, expiring_days]);
  const { items, more } =
    expiring_days === undefined
      ? await listPrincipalTokens(context, getPrincipal(client_id, user_id), { nowMs, limit })
      : await listExpiringTokens(context, {
          nowMs,
          untilMs: nowMs + expiring_days * DAY_MS,
          limit,
        });
  return { tokens: items, more };
}

async function sessions(raw: unknown) {
  const { limit, client_id, user_id } = parseRequest(sessionsSchema, raw);
  requireOneOf("client_id and user_id", [client_id, user_id]);
  const nowMs = systemClock();
  const principal = getPrincipal(client_id, user_id);
  const { items, more } = await listPrincipalSessions(context, principal, { nowMs, limit });
  return { sessions: items, more };
}

const ROUTES = { actions, tokens, sessions };

/** GET /admin/oauth/actions, GET /admin/oauth/tokens and GET /admin/oauth/sessions */
export const handler = jsonRoute(
  ADMIN_SCOPE,
  z.record(z.string(), z.string()),
  async (raw, event) => ROUTES[event.resource.split("/").at(-1) as keyof typeof ROUTES](raw),
);
