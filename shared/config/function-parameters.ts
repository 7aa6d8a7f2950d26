import * as z from "zod";

/** The functions, as the configuration and the construct name them. */
export const FUNCTION_NAMES = [
  "Authorizer",
  "Subscriber",
  "Republisher",
  "Cleanup",
  "Anomalies",
  "Stats",
  "Activity",
  "Events",
  "ClientList",
  "CleanupRunList",
  "AlertList",
  "ActionList",
  "Respond",
  "Approval",
  "Dashboard",
  "OcsfExport",
  "SignalReceiver",
  "SignalPoller",
  "SignalStreams",
  "SignalTransmitter",
  "SignalDelivery",
  "Webhook",
  "ProviderEndpoint",
  "SampleApi",
] as const;

/** The name of a function, for example in its alarms. */
export type FunctionName = (typeof FUNCTION_NAMES)[number];

const functionName = z
  .string()
  .refine((name) => (FUNCTION_NAMES as readonly string[]).includes(name), {
    error: `one of ${FUNCTION_NAMES.join(", ")}`,
  });

const subnetId = z.string().regex(/^subnet-[0-9a-f]{8,17}$/, "an id such as subnet-0a1b2c3d4e5f");
const groupId = z.string().regex(/^sg-[0-9a-f]{8,17}$/, "an id such as sg-0a1b2c3d4e5f");

/** Concurrency and network of the functions. */
export const functionsSchema = z
  .strictObject({
    /**
     * Concurrency that a function has for itself, and at most, such as `{ "Authorizer": 400, "Subscriber": 20 }`. It
     * comes out of the account's concurrency, of which Lambda keeps 100 for functions without a reservation.
     */
    reservedConcurrency: z.record(functionName, z.int().min(1).max(100_000)).default({}),
    /** Environments of the authorizer that Lambda keeps warm, paid by the hour. 0 keeps none. */
    authorizerProvisionedConcurrency: z.int().min(0).max(100_000).default(0),
    /**
     * The VPC in which the functions run. docs/deploy.md lists the endpoints that it needs. The construct's property
     * `vpc` wins over it.
     */
    vpc: z
      .strictObject({
        /** Private subnets, in at least two availability zones. */
        subnetIds: z.array(subnetId).min(1).max(16),
        /** Security groups that let the functions reach the services by HTTPS. */
        securityGroupIds: z.array(groupId).min(1).max(5),
      })
      .optional(),
  })
  .refine(
    ({ reservedConcurrency: { Authorizer }, authorizerProvisionedConcurrency: warm }) =>
      Authorizer === undefined || warm <= Authorizer,
    {
      path: ["authorizerProvisionedConcurrency"],
      error:
        "Lambda keeps no more environments warm than are reserved: lower it, or raise reservedConcurrency.Authorizer",
    },
  )
  .prefault({});

/** The configuration of the functions, with every default filled in. */
export type FunctionParameters = z.output<typeof functionsSchema>;
