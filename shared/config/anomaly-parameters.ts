import * as z from "zod";
import { customRuleSchema } from "./custom-rule-parameters.ts";

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
    /**
     * Users, tokens, addresses and clients whose latest events a run looks at, of each kind. The counters name
     * them; with more suspects than this, those with most to show come first.
     */
    mostSuspects: z.int().min(10).max(1000).default(60),
    /** The least risk that people are told of; what is below is only listed. */
    notifyFrom: z.enum(["low", "medium", "high"]).default("low"),
    /** Days of history that a client's hours are compared with. */
    historyDays: z.int().min(2).max(60).default(14),
    /** Client ids that never raise an alert. `alerts mute` mutes a client for a limited time. */
    mutedClients: z.array(z.string().min(1).max(256)).max(1000).default([]),
    /** Rules of your own: thresholds over what is counted. `alerts try` shows what one would have raised. */
    custom: z.array(customRuleSchema).max(20).default([]),
    /** Parameters of each rule, by its name. */
    rules: z
      .strictObject({
        /** A client is issued far more tokens in an hour than usual. */
        issuance_rate: againstHistory(30, 6),
        /** At a client, or by callers without one, far more is guessed than usual. */
        failure_rate: againstHistory(20, 6),
        /** Many guesses in a short time from one address. */
        failure_burst: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Length of the window in minutes. */
            windowMinutes: z.int().min(1).max(60).default(10),
            /** Guesses from one address that raise an alert. */
            perIp: count(20),
          })
          .prefault({}),
        /** Guesses are spread over the addresses of one network: a /24 of IPv4, a /48 of IPv6. */
        network_guessing: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Guesses within an hour. */
            guesses: count(30),
            /** Addresses of the network that they come from. */
            addresses: z.int().min(2).default(6),
          })
          .prefault({}),
        /** One address keeps guessing at a low rate for hours. */
        persistent_failures: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Consecutive hours with guesses. */
            hours: z.int().min(2).max(12).default(4),
            /** Guesses from the address in each of these hours. */
            perHour: count(6),
          })
          .prefault({}),
        /** After guesses, somebody is let in. */
        success_after_failures: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Guesses at a user. */
            failures: count(5),
            /** Refusals of a second factor of a user. */
            secondFactors: count(3),
            /** Guesses from an address. */
            guesses: count(10),
          })
          .prefault({}),
        /** A user is asked for the second factor again and again. */
        mfa_fatigue: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Prompts within two hours, refused or without answer. */
            prompts: z.int().min(2).max(100).default(5),
          })
          .prefault({}),
        /** A holder of a token presents sessions of others. */
        foreign_sessions: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Refusals within an hour. */
            refusals: z.int().min(2).max(100).default(3),
          })
          .prefault({}),
        /** A user has a new session in a new network, and goes on elsewhere. */
        sessions_apart: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Minutes for which a new session is news. */
            windowMinutes: z.int().min(10).max(720).default(120),
          })
          .prefault({}),
        /** A token or session is used by somebody else. */
        token_theft: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Minutes for which a new party at a token is news. */
            windowMinutes: z.int().min(10).max(720).default(120),
          })
          .prefault({}),
        /** A token is used after it was revoked, from where its holder never was. */
        revoked_token: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Minutes a client may take to learn of a revocation. */
            graceMinutes: z.int().min(0).default(15),
          })
          .prefault({}),
        /** Access goes on, or is tried, after it was ended, from where its holder never was. */
        ended_access: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Minutes an app may take to learn that a session, or all access of a user, has ended. */
            graceMinutes: z.int().min(0).max(60).default(2),
          })
          .prefault({}),
        /** Expired and revoked tokens of many holders come from one address. */
        dead_tokens: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Holders whose dead tokens raise an alert. */
            holders: z.int().min(2).default(5),
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
        /** A service that was idle for days is busy, from a network or by a program that never used it. */
        idle_client: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Uses within an hour that are busy. */
            uses: count(10),
            /** Days without use. */
            idleDays: z.int().min(2).max(60).default(10),
          })
          .prefault({}),
        /** Many clients are registered at the identity provider within minutes. */
        registration_spike: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Clients that one address or administrator registers within about ten minutes. */
            clients: z.int().min(2).max(50).default(5),
          })
          .prefault({}),
        /** A token that was unused for five days or more is used by somebody else, or heavily. */
        dormant_token: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Uses within an hour that are heavy. */
            uses: count(50),
          })
          .prefault({}),
        /** A service is used from a network, or by a program, that never used it before. */
        new_network: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Of clients known from more networks than this, only the programs count: they are used from everywhere. */
            maxKnownNetworks: count(3),
            /** Days a client must have been watched before a network counts as new. */
            learnDays: z.int().min(1).max(90).default(2),
          })
          .prefault({}),
        /** One holder is refused for its scopes at many endpoints. */
        scope_probing: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Different endpoints, or scopes, that raise an alert. */
            endpoints: z.int().min(2).default(5),
            /** Hours within which they are counted. */
            hours: z.int().min(1).max(72).default(24),
          })
          .prefault({}),
        /** A user's access is used far more than usual, or walks through the resources of an endpoint. */
        scraping: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Calls within two hours below which volume alone raises nothing. They are estimated from a sample. */
            calls: count(400),
            /** Multiple of the most that is usual for the holder and for the client's other users. */
            ratio: factor(5),
            /** Calls within eight hours below which a slow scraper is not told from a busy user. */
            slowCalls: count(150),
            /** Different resources of an endpoint among the latest calls that make a walk. */
            resources: count(40),
          })
          .prefault({}),
        /** Many users give access to a new client. */
        consent_phishing: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Users who give access within a day. */
            users: z.int().min(2).default(10),
            /** Days for which a client is new. */
            days: z.int().min(1).max(14).default(7),
          })
          .prefault({}),
        /** A user enters a device code, and its token is fetched from where the user never was. */
        device_phishing: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Minutes for which such a token is news. */
            windowMinutes: z.int().min(10).max(720).default(120),
          })
          .prefault({}),
        /**
         * A user or token is at two places between which nobody can travel, one of them new to it. Events must have origins.
         */
        impossible_travel: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Minutes for which such a travel is news. */
            windowMinutes: z.int().min(10).max(720).default(120),
            /** Kilometres an hour that nobody travels faster. */
            kmPerHour: z.int().min(100).max(100_000).default(1000),
            /** Kilometres below which places are too near, or too roughly known, to tell. */
            minimumKm: z.int().min(50).max(20_000).default(500),
            /** Where only countries are known: minutes within which one country is used, another one, and the first again. */
            inTurnMinutes: z.int().min(5).max(720).default(60),
          })
          .prefault({}),
        /** A user or token is at a VPN, a proxy or Tor for the first time, or these are guessed through. */
        anonymising_proxy: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Minutes for which a first use is news. */
            windowMinutes: z.int().min(10).max(720).default(120),
            /** Users who come through one proxy or exit of Tor for the first time. */
            users: z.int().min(2).default(5),
            /** Guesses within two hours, from addresses where nobody is let in. */
            guesses: count(10),
          })
          .prefault({}),
        /**
         * A user is active at hours of the day at which the user never was. This raises no alert, but adds to what other
         * rules find about the user.
         */
        unusual_hours: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Days on which the user was active, of weekdays or of weekends, before an hour counts as unusual. */
            days: z.int().min(2).max(20).default(4),
            /** The hours of a user's night. Who never pauses for so long has no unusual hours. */
            quietHours: z.int().min(4).max(20).default(8),
          })
          .prefault({}),
        /** An administrator weakens the identity provider. */
        admin_change: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
          })
          .prefault({}),
        /** Many clients are refused at once for one reason. This is a notice of low risk, and no attack. */
        outage: z
          .strictObject({
            /** Whether the rule runs. */
            enabled,
            /** Length of the window in minutes. */
            windowMinutes: z.int().min(5).max(60).default(15),
            /** Clients that are refused at once. */
            clients: z.int().min(2).default(4),
            /** Refusals in all. */
            failures: count(40),
            /** Multiple of its usual refusals that a client must have. */
            ratio: factor(4),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({});

/** The detection's part of the configuration. */
export type AnomaliesConfig = z.output<typeof anomaliesSchema>;
