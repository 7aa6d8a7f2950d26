import { Logger } from "@aws-lambda-powertools/logger";

/** The functions' structured log; service name and level come from the environment. */
export const logger = new Logger();
