import type { MonitoringConfigInput } from "../shared/config/monitoring-config.ts";

const secretOf = (name: string) =>
  `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-AbCdEf`;

/** Secrets that `SIGNALS` refers to, by ARN. */
export const SIGNAL_SECRETS: ReadonlyMap<string, string> = new Map([
  [secretOf("push"), "Bearer agreed"],
  [secretOf("poll"), "Bearer of-the-stream"],
]);

/** Shared Signals with everything enabled: a push transmitter, a poll transmitter, and our own transmitter. */
export const SIGNALS = {
  receiver: {
    transmitters: [
      {
        name: "idp",
        issuer: "https://idp.example.com/",
        audiences: ["https://sp.example.com"],
        pushAuthorizationSecretArn: secretOf("push"),
        actions: { "session-revoked": "enforce" },
      },
      {
        name: "edr",
        issuer: "https://edr.example.com/",
        audiences: ["https://sp.example.com"],
        poll: {
          endpoint: "https://edr.example.com/poll",
          authorizationSecretArn: secretOf("poll"),
        },
      },
    ],
  },
  transmitter: { signingKeys: ["First", "Second"] },
} as const satisfies NonNullable<MonitoringConfigInput["signals"]>;

/** Notifications with everything enabled. */
export const NOTIFICATIONS = {
  webhooks: [
    { name: "Siem", secretArn: secretOf("siem") },
    { name: "Channel", secretArn: secretOf("channel"), format: "slack" },
  ],
} as const satisfies NonNullable<MonitoringConfigInput["notifications"]>;
