import * as z from "zod";

const enabled = z.boolean().default(true);
const count = (fallback: number) => z.int().min(1).default(fallback);
const factor = (fallback: number) => z.number().min(1).default(fallback);

/** Compared with the client's own history of similar hours. */
const againstHistory = (minimum: number, deviations: number) =>
  z
    .strictObject({
      /** Whether the rule runs. */
      enabled,
      /** Fewer than this in an hour never raise an alert, so quiet clients stay quiet. */
      minimum: count(minimum),
      /** Robust standard deviations above the median of similar hours. */
      deviations: factor(deviations),
      /** Multiple of the median that must be exceeded as well. */
      ratio: factor(3),
    })
    .prefault({});

/** Parameters of each rule, by its name. */
export const anomaliesSchema = z
  .strictObject({
    /** Minutes between two runs. */
    everyMinutes: z.int().min(1).max(60).default(5),
    /** Minutes without the anomaly after which an alert resolves itself. */
    quietMinutes: z.int().min(5).max(1440).default(30),
    /** Days of history that a client's hours are compared with. */
    historyDays: z.int().min(2).max(60).default(14),
    /** Client ids that never raise an alert. `alerts mute` mutes a client for a limited time. */
    mutedClients: z.array(z.string().min(1).max(256)).max(1000).default([]),
    /** Parameters of each rule, by its name. */
    rules: z
      .strictObject({
        /** A client is issued far more tokens in an hour than usual. */
        issuance_rate: againstHistory(30, 6),
        /** A client, or callers without one, fail far more often than usual. */
        failure_rate: againstHistory(100, 8),
        /** Many failures in a short time from one address, client or token. */
        failure_burst: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Length of the window in minutes. */
            windowMinutes: z.int().min(1).max(60).default(10),
            /** Failures from one address that raise an alert. */
            perIp: count(40),
            /** Failures of one client that raise an alert. */
            perClient: count(50),
            /** Failures of one token that raise an alert. */
            perToken: count(20),
          })
          .prefault({}),
        /** One address keeps failing at a low rate for hours. */
        persistent_failures: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Consecutive hours with failures. */
            hours: z.int().min(2).max(24).default(4),
            /** Failures from the address in each of these hours. */
            perHour: count(12),
          })
          .prefault({}),
        /** One token is used from several networks in a short time. */
        token_networks: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Length of the window in minutes. */
            windowMinutes: z.int().min(1).max(60).default(20),
            /** Different networks that raise an alert. */
            networks: z.int().min(2).default(3),
          })
          .prefault({}),
        /** A token is presented long after it was revoked. */
        revoked_token: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Minutes a client may take to learn of a revocation. */
            graceMinutes: z.int().min(0).default(15),
          })
          .prefault({}),
        /** A code or refresh token is redeemed twice. */
        credential_reuse: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Values of `reason` in `auth_failed` events that raise an alert. */
            reasons: z
              .array(z.string().min(1))
              .default(["authorization_code_reused", "refresh_token_reused"]),
          })
          .prefault({}),
        /** A token that was unused for a week or more is suddenly busy. */
        dormant_token: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Uses within an hour that raise an alert. */
            uses: count(50),
          })
          .prefault({}),
        /** A service is used from a network that it never used before. */
        new_network: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Clients known from more networks than this are ignored: they are used from everywhere. */
            maxKnownNetworks: count(3),
            /** Days a client must have been watched before a network counts as new. */
            learnDays: z.int().min(1).max(90).default(2),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({});

/** The detection's part of the configuration. */
export type AnomaliesConfig = z.output<typeof anomaliesSchema>;
