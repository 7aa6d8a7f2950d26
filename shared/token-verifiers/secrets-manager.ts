import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { giveUpAfter } from "../core/aws-calls.ts";

/**
 * Reads a secret from Secrets Manager.
 *
 * @throws Error if the secret has no text, or any SDK error if it can't be read
 */
export async function readSecret(arn: string): Promise<string> {
  const client = new SecretsManagerClient({ maxAttempts: 2, requestHandler: giveUpAfter(2000) });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    if (!SecretString) throw new Error(`the secret ${arn} has no string value. Set one`);
    return SecretString;
  } finally {
    client.destroy();
  }
}
