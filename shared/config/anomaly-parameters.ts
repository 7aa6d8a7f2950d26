import * as z from "zod";

const enabled = z.boolean().default(true);
const count = (fallback: number) => z.int().min(1).default(fallback);
const factor = (fallback: number) => z.number().min(1).default(fallback);

/** Against the client's own history of comparable hours. */
const againstHistory = (minimum: number, deviations: number) =>
  z
    .strictObject({
      enabled,
      /** Fewer in an hour are never an anomaly, so that quiet clients do not page. */
      minimum: count(minimum),
      /** Robust standard deviations above the median. */
      deviations: factor(deviations),
      /** And at least so many times the median. */
      ratio: factor(3),
    })
    .prefault({});

/** Parameters of each rule, by its name. */
export const anomaliesSchema = z
  .strictObject({
    /** Minutes between two runs of the detection. */
    everyMinutes: z.int().min(1).max(60).default(5),
    /** An alert whose anomaly was not seen for so long resolves itself. */
    quietMinutes: z.int().min(5).max(1440).default(30),
    /** History that a client's hours are compared with. */
    historyDays: z.int().min(2).max(60).default(14),
    /** Clients that never raise an alert; the CLI mutes for a while. */
    mutedClients: z.array(z.string().min(1).max(256)).max(1000).default([]),
    rules: z
      .strictObject({
        issuance_rate: againstHistory(30, 6),
        failure_rate: againstHistory(100, 8),
        failure_burst: z
          .strictObject({
            enabled,
            windowMinutes: z.int().min(1).max(60).default(10),
            perIp: count(40),
            perClient: count(50),
            perToken: count(20),
          })
          .prefault({}),
        persistent_failures: z
          .strictObject({
            enabled,
            /** Failures in each of so many hours on end, from one address. */
            hours: z.int().min(2).max(24).default(4),
            perHour: count(12),
          })
          .prefault({}),
        token_networks: z
          .strictObject({
            enabled,
            /** Different networks of one token's uses within so many minutes. */
            windowMinutes: z.int().min(1).max(60).default(20),
            networks: z.int().min(2).default(3),
          })
          .prefault({}),
        revoked_token: z
          .strictObject({
            enabled,
            /** A client may take so long to learn of a revocation. */
            graceMinutes: z.int().min(0).default(15),
          })
          .prefault({}),
        credential_reuse: z
          .strictObject({
            enabled,
            reasons: z
              .array(z.string().min(1))
              .default(["authorization_code_reused", "refresh_token_reused"]),
          })
          .prefault({}),
        dormant_token: z
          .strictObject({
            enabled,
            /** Uses within the hour after a week's rest or more. */
            uses: count(50),
          })
          .prefault({}),
        new_network: z
          .strictObject({
            enabled,
            /** Clients known from more networks than this are used from everywhere. */
            maxKnownNetworks: count(3),
            /** So long a client must have been watched before a network is new to it. */
            learnDays: z.int().min(1).max(90).default(2),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({});

/** The detection's part of the configuration. */
export type AnomaliesConfig = z.output<typeof anomaliesSchema>;
