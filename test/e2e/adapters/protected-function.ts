import middy from "@middy/core";
import { getCaller, oauthMonitoring } from "../../../adapters/lambda/index.ts";

/** A function that authorizes its own calls and returns the caller. */
export const handler = middy()
  .use(await oauthMonitoring())
  .handler(async (event) => ({
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ caller: getCaller(event) }),
  }));
