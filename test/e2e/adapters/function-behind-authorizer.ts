import { callerOf } from "../../../adapters/lambda/caller-of.ts";

/** A function behind an authorizer, which says who called. */
export const handler = async (event: unknown) => ({
  statusCode: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ caller: callerOf(event) }),
});
