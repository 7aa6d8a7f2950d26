import { readFileSync } from "node:fs";
import middy from "@middy/core";
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from "aws-lambda";
import { logLambdaContext } from "../runtime/logger.ts";
import { pageDocument } from "./page-document.ts";

/** Reads a file that the build places in the bundle's directory. */
const asset = (name: string) => readFileSync(new URL(`./${name}`, import.meta.url), "utf8");

const { html, headers } = pageDocument(asset("page.js"), asset("page.css"));

/** GET /admin/oauth/dashboard: returns a static page, which loads its data from the admin routes. */
export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>()
  .use(logLambdaContext())
  .handler(async () => ({
    statusCode: 200,
    headers: { ...headers },
    body: html,
  }));
