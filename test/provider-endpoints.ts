import type { MonitoringConfigInput } from "../shared/config/monitoring-config.ts";

const getSecret = (name: string) =>
  `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-AbCdEf`;

/** Endpoints with every kind of authentication. */
export const ENDPOINTS = [
  { provider: "entra", authentication: { kind: "signature", secretArn: getSecret("entra") } },
  {
    provider: "keycloak",
    authentication: { kind: "body_signature", secretArn: getSecret("keycloak") },
  },
  { provider: "okta", authentication: { kind: "bearer", secretArn: getSecret("okta") } },
  {
    provider: "ping",
    authentication: { kind: "bearer", secretArn: getSecret("ping"), header: "x-ping-key" },
  },
] as const satisfies NonNullable<MonitoringConfigInput["providers"]>["endpoints"];

/** The endpoints' keys. Entra ID has two keys, as during a rotation. */
export const ENDPOINT_KEYS = {
  entra: [
    `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
    `whsec_${Buffer.alloc(32, 2).toString("base64")}`,
  ],
  keycloak: "a-shared-secret-of-keycloak",
  okta: "7f1c0d2e4b5a69788f9e0a1b2c3d4e5f",
  ping: "c0ffee00c0ffee00c0ffee00c0ffee00",
} as const;

/** Secrets that `ENDPOINTS` refers to, by ARN. */
export const ENDPOINT_SECRETS: ReadonlyMap<string, string> = new Map(
  Object.entries(ENDPOINT_KEYS).map(([name, keys]) => [getSecret(name), [keys].flat().join("\n")]),
);
