import middy from "@middy/core";
import { callerOf, oauthMonitoring } from "../../../adapters/lambda/index.ts";

/** A function that decides itself, and says who called. */
export const handler = middy()
  .use(await oauthMonitoring())
  .handler(async (event) => ({
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ caller: callerOf(event) }),
  }));
