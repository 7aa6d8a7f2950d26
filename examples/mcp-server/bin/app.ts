import { App } from "aws-cdk-lib";
import { McpStack } from "../lib/mcp-stack.js";

const app = new App();
new McpStack(app, "OrdersMcp", {
  authorizationServer: app.node.tryGetContext("authorizationServer") ?? "https://login.example.com",
});
