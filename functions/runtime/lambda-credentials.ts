import { fromEnv } from "@aws-sdk/credential-provider-env";

/**
 * Stands in for the SDK's default chain of credential providers in the bundles: Lambda gives a function
 * its credentials in the environment, and the other providers of the chain are a quarter of a bundle.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export const defaultProvider = fromEnv;
