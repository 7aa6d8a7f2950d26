import type { APIGatewayProxyEvent } from "aws-lambda";
import * as z from "zod";
import { jsonRoute } from "../runtime/json-route.ts";

/** A protected sample API that echoes the authorizer's context. */
export const handler = jsonRoute(
  undefined,
  z.unknown(),
  async (_, event: APIGatewayProxyEvent) => ({
    method: event.httpMethod,
    path: event.path,
    authorizer: event.requestContext.authorizer,
  }),
);
