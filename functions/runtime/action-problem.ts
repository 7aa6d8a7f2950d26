import { DenyListFullError } from "../../shared/authorization/deny-list-log.ts";
import { IncompleteRequestError, InvalidInputError } from "../../shared/core/errors.ts";
import { AlertNotFoundError } from "../../shared/detection/verdicts.ts";
import { PublishError } from "../../shared/events/event-sink.ts";
import { ActionChangedError, ActionNotFoundError } from "../../shared/response/action-store.ts";
import { WrongActionStateError } from "../../shared/response/decide-action.ts";
import { IdempotencyKeyReusedError } from "../../shared/response/take-action.ts";
import { TokenNotFoundError } from "../../shared/tokens/revoke-token.ts";
import { isThrottled } from "../../shared/tokens/token-use.ts";
import { badRequest, Problem } from "./problem.ts";

/** Requests use snake case; the library uses camel case. */
const MEMBERS: Readonly<Record<string, string>> = {
  "/issuedBefore": "/issued_before",
  "/alertId": "/alert_id",
  "/actionId": "/action_id",
};

/** Converts an error of an action to a problem for the caller. Returns undefined for a server error. */
export function actionProblem(error: unknown): Problem | undefined {
  if (error instanceof InvalidInputError) {
    return badRequest(
      error.errors.map(({ pointer, detail }) => ({
        pointer: MEMBERS[pointer] ?? pointer,
        detail,
      })),
    );
  }
  const is = (...types: (new (...args: never[]) => Error)[]) =>
    types.some((type) => error instanceof type);
  const text = error instanceof Error ? error.message : "";
  if (is(TokenNotFoundError, ActionNotFoundError, AlertNotFoundError)) {
    return new Problem(404, "Not found", text);
  }
  if (is(WrongActionStateError, ActionChangedError, DenyListFullError)) {
    return new Problem(409, "Conflict", text);
  }
  if (is(IdempotencyKeyReusedError)) return new Problem(422, "Unprocessable content", text);
  if (isThrottled(error) || is(IncompleteRequestError, PublishError)) {
    return new Problem(
      503,
      "Service unavailable",
      "It is unknown whether the action was taken. Repeat the request with the same Idempotency-Key.",
    );
  }
  return undefined;
}
