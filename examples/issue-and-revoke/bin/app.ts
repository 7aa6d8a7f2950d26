import { App } from "aws-cdk-lib";
import { TokensStack } from "../lib/tokens-stack.js";

new TokensStack(new App(), "Tokens");
