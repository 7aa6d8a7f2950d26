import * as z from "zod";

/** Names of the functions in the configuration and the construct. */
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

/** Name of a function, also used in its alarms. */
export type FunctionName = (typeof FUNCTION_NAMES)[number];

const functionName = z
  .string()
  .refine((name) => (FUNCTION_NAMES as readonly string[]).includes(name), {
    error: `expected one of ${FUNCTION_NAMES.join(", ")}`,
  });

const subnetId = z.string().regex(/^subnet-[0-9a-f]{8,17}$/, "an id such as subnet-0a1b2c3d4e5f");
const groupId = z.string().regex(/^sg-[0-9a-f]{8,17}$/, "an id such as sg-0a1b2c3d4e5f");

/** Concurrency and network of the functions. */
export const functionsSchema = z
  .strictObject({
    /** Reserved concurrency by function, such as `{ "Authorizer": 400 }`. Also its maximum. */
    reservedConcurrency: z.record(functionName, z.int().min(1).max(100_000)).default({}),
    /** Warm authorizer environments, billed hourly. */
    authorizerProvisionedConcurrency: z.int().min(0).max(100_000).default(0),
    /** VPC of the functions. The construct's `vpc` overrides it. Endpoints: docs/deploy.md. */
    vpc: z
      .strictObject({
        /** Private subnets in two or more availability zones. */
        subnetIds: z.array(subnetId).min(1).max(16),
        /** Security groups that allow outbound HTTPS. */
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
        "it exceeds reservedConcurrency.Authorizer. Lower it, or raise reservedConcurrency.Authorizer",
    },
  )
  .prefault({});

/** Configuration of the functions, with every default filled in. */
export type FunctionParameters = z.output<typeof functionsSchema>;
