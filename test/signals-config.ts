import type { MonitoringConfigInput } from "../shared/config/monitoring-config.ts";

const getSecret = (name: string) =>
  `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-AbCdEf`;

/** Secrets that `SIGNALS` refers to, by ARN. */
export const SIGNAL_SECRETS: ReadonlyMap<string, string> = new Map([
  [getSecret("push"), "Bearer agreed"],
  [getSecret("poll"), "Bearer of-the-stream"],
]);

/** Shared Signals with everything enabled: a push transmitter, a poll transmitter, and our own transmitter. */
export const SIGNALS = {
  receiver: {
    transmitters: [
      {
        name: "idp",
        issuer: "https://idp.example.com/",
        audiences: ["https://sp.example.com"],
        pushAuthorizationSecretArn: getSecret("push"),
        actions: { "session-revoked": "enforce" },
      },
      {
        name: "edr",
        issuer: "https://edr.example.com/",
        audiences: ["https://sp.example.com"],
        poll: {
          endpoint: "https://edr.example.com/poll",
          authorizationSecretArn: getSecret("poll"),
        },
      },
    ],
  },
  transmitter: { signingKeys: ["First", "Second"] },
} as const satisfies NonNullable<MonitoringConfigInput["signals"]>;

/** Notifications with everything enabled. */
export const NOTIFICATIONS = {
  webhooks: [
    { name: "Siem", secretArn: getSecret("siem") },
    { name: "Channel", secretArn: getSecret("channel"), format: "slack" },
  ],
} as const satisfies NonNullable<MonitoringConfigInput["notifications"]>;
