import * as z from "zod";
import { customRuleSchema } from "./custom-rule-parameters.ts";

const enabled = z.boolean().default(true);
const count = (fallback: number) => z.int().min(1).default(fallback);
const factor = (fallback: number) => z.number().min(1).default(fallback);

/** Parameters of a rule that compares a client with its own history of similar hours. */
const againstHistory = (minimum: number, deviations: number) =>
  z
    .strictObject({
      /** Enables the rule. */
      enabled,
      /** Minimum hourly count. */
      minimum: count(minimum),
      /** Robust standard deviations above the median. */
      deviations: factor(deviations),
      /** Minimum multiple of the median. */
      ratio: factor(3),
    })
    .prefault({});

/** Configuration of the anomaly detection. */
export const anomaliesSchema = z
  .strictObject({
    /** Minutes between runs. */
    everyMinutes: z.int().min(1).max(60).default(5),
    /** Minutes without activity before an alert resolves. */
    quietMinutes: z.int().min(5).max(1440).default(30),
    /** Candidates examined per run: users, tokens, addresses and clients each. */
    maxCandidates: z.int().min(10).max(1000).default(60),
    /** Lowest risk that sends notifications. */
    notifyFrom: z.enum(["low", "medium", "high"]).default("low"),
    /** Days of client history used for comparison. */
    historyDays: z.int().min(2).max(60).default(14),
    /** Client ids that never raise alerts. */
    mutedClients: z.array(z.string().min(1).max(256)).max(1000).default([]),
    /** Your own threshold rules. Test one with `alerts try`. */
    custom: z.array(customRuleSchema).max(20).default([]),
    /** Parameters of each built-in rule. */
    rules: z
      .strictObject({
        /** Unusually many tokens issued to a client. */
        issuance_rate: againstHistory(30, 6),
        /** Unusually many credential guesses at a client. */
        failure_rate: againstHistory(20, 6),
        /** Many credential guesses from one address. */
        failure_burst: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Counting window. */
            windowMinutes: z.int().min(1).max(60).default(10),
            /** Credential guesses per address. */
            perIp: count(20),
          })
          .prefault({}),
        /** Credential guesses spread over a network (IPv4 /24, IPv6 /48). */
        network_guessing: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Credential guesses in each hour. */
            credentialGuesses: count(30),
            /** Minimum addresses involved. */
            addresses: z.int().min(2).default(6),
          })
          .prefault({}),
        /** Slow credential guessing from one address for hours. */
        persistent_failures: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Consecutive hours. */
            hours: z.int().min(2).max(12).default(4),
            /** Credential guesses in each hour. */
            perHour: count(6),
          })
          .prefault({}),
        /** Successful authentication after credential guesses. */
        success_after_failures: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Credential guesses per user. */
            failures: count(5),
            /** Denied second factors per user. */
            secondFactors: count(3),
            /** Credential guesses per address. */
            credentialGuesses: count(10),
          })
          .prefault({}),
        /** Repeated second-factor prompts to one user. */
        mfa_fatigue: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Denied or unanswered prompts within two hours. */
            prompts: z.int().min(2).max(100).default(5),
          })
          .prefault({}),
        /** A token used with other principals' sessions. */
        foreign_sessions: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Denied calls per hour. */
            denials: z.int().min(2).max(100).default(3),
          })
          .prefault({}),
        /** A new session in a new network while the user is active elsewhere. */
        sessions_apart: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Lookback window. */
            windowMinutes: z.int().min(10).max(720).default(120),
          })
          .prefault({}),
        /** A token or session used by another party. */
        token_theft: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Lookback window. */
            windowMinutes: z.int().min(10).max(720).default(120),
          })
          .prefault({}),
        /** A revoked token used from a new location. */
        revoked_token: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Minutes allowed after revocation. */
            graceMinutes: z.int().min(0).default(15),
          })
          .prefault({}),
        /** Use from a new location after access ended. */
        ended_access: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Minutes allowed after access ended. */
            graceMinutes: z.int().min(0).max(60).default(2),
          })
          .prefault({}),
        /** Expired or revoked tokens of many principals from one address. */
        dead_tokens: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Minimum principals. */
            principals: z.int().min(2).default(5),
          })
          .prefault({}),
        /** A code or refresh token used twice. */
        credential_reuse: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** `reason` values in `auth_failed` that raise an alert. */
            reasons: z
              .array(z.string().min(1))
              .default(["authorization_code_reused", "refresh_token_reused"]),
          })
          .prefault({}),
        /** An idle service active from a new network or program. */
        idle_client: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Minimum uses per hour. */
            uses: count(10),
            /** Minimum idle days. */
            idleDays: z.int().min(2).max(60).default(10),
          })
          .prefault({}),
        /** Many clients registered at the identity provider within minutes. */
        registration_spike: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Clients per address or administrator within ten minutes. */
            clients: z.int().min(2).max(50).default(5),
          })
          .prefault({}),
        /** A token used heavily, or by another party, after five idle days. */
        dormant_token: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Uses per hour that count as heavy. */
            uses: count(50),
          })
          .prefault({}),
        /** A service used from a new network or program. */
        new_network: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Clients with more known networks alert only on new programs. */
            maxKnownNetworks: count(3),
            /** Minimum days of client history. */
            learnDays: z.int().min(1).max(90).default(2),
          })
          .prefault({}),
        /** A principal denied for missing scopes at many endpoints. */
        scope_probing: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Distinct endpoints or scopes. */
            endpoints: z.int().min(2).default(5),
            /** Counting window. */
            hours: z.int().min(1).max(72).default(24),
          })
          .prefault({}),
        /** Unusually high volume, or enumeration of resources, by one user. */
        scraping: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Minimum calls within two hours, estimated from a sample. */
            calls: count(400),
            /** Minimum multiple of the usual maximum. */
            ratio: factor(5),
            /** Minimum calls within eight hours for slow scraping. */
            slowCalls: count(150),
            /** Distinct resources of an endpoint that count as enumeration. */
            resources: count(40),
          })
          .prefault({}),
        /** Many users granting access to a new client. */
        consent_phishing: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Users per day. */
            users: z.int().min(2).default(10),
            /** Days a client counts as new. */
            days: z.int().min(1).max(14).default(7),
          })
          .prefault({}),
        /** A device-code token fetched from a location new to the user. */
        device_phishing: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Lookback window. */
            windowMinutes: z.int().min(10).max(720).default(120),
          })
          .prefault({}),
        /** A principal in two locations too far apart to travel. Needs IP enrichment. */
        impossible_travel: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Lookback window. */
            windowMinutes: z.int().min(10).max(720).default(120),
            /** Maximum plausible speed. */
            kmPerHour: z.int().min(100).max(100_000).default(1000),
            /** Minimum distance between the locations. */
            minimumKm: z.int().min(50).max(20_000).default(500),
            /** If only countries are known: minutes to switch countries and back. */
            switchBackMinutes: z.int().min(5).max(720).default(60),
          })
          .prefault({}),
        /** First use of a VPN, proxy or Tor by a principal, or credential guesses through one. */
        anonymising_proxy: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Lookback window. */
            windowMinutes: z.int().min(10).max(720).default(120),
            /** Users new to one proxy or Tor exit. */
            users: z.int().min(2).default(5),
            /** Credential guesses within two hours. */
            credentialGuesses: count(10),
          })
          .prefault({}),
        /** A user active at unusual hours. Raises the score of other findings, but no alert. */
        unusual_hours: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Days of activity required first, weekdays and weekends separately. */
            days: z.int().min(2).max(20).default(4),
            /** Minimum length of the user's night. */
            quietHours: z.int().min(4).max(20).default(8),
          })
          .prefault({}),
        /** Security weakened by an identity provider administrator. */
        admin_change: z
          .strictObject({
            /** Enables the rule. */
            enabled,
          })
          .prefault({}),
        /** Many clients denied for one reason. Low risk, not an attack. */
        outage: z
          .strictObject({
            /** Enables the rule. */
            enabled,
            /** Counting window. */
            windowMinutes: z.int().min(5).max(60).default(15),
            /** Minimum clients. */
            clients: z.int().min(2).default(4),
            /** Minimum denied calls. */
            failures: count(40),
            /** Minimum multiple of a client's usual denied calls. */
            ratio: factor(4),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({});

/** Configuration of the anomaly detection, with every default filled in. */
export type AnomaliesConfig = z.output<typeof anomaliesSchema>;
