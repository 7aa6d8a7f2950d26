import { getCaller } from "../../../adapters/lambda/invoked-call.ts";

/** Returns the caller that the authorizer identified. */
export const handler = async (event: unknown) => ({
  statusCode: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ caller: getCaller(event) }),
});
