import { Token } from "aws-cdk-lib";
import type {
  MonitoringConfig,
  MonitoringConfigInput,
} from "../shared/config/monitoring-config.ts";

/** Placeholders by key. They pass validation, and stand in for values that are known only at deployment. */
const STAND_INS: Readonly<Record<string, (n: number) => string>> = {
  issuer: (n) => `https://known-at-deployment-${n}.invalid`,
  jwksUri: (n) => `https://known-at-deployment-${n}.invalid`,
  endpoint: (n) => `https://known-at-deployment-${n}.invalid`,
  secretArn: (n) => `arn:aws:secretsmanager:us-east-1:000000000000:secret:known-at-deployment-${n}`,
};

const otherStandIn = (n: number) => `known-at-deployment-${n}`;

/** Replaces all strings in a value. `replace` receives each string's key; for an array element, the array's key. */
function replaceTexts(
  value: unknown,
  replace: (text: string, key: string) => string,
  key = "",
): unknown {
  if (typeof value === "string") return replace(value, key);
  if (Array.isArray(value)) return value.map((member) => replaceTexts(member, replace, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, replaceTexts(member, replace, name)]),
  );
}

/**
 * Validates a configuration that contains CDK tokens in `issuers`, `dpop` or `providers`, such as the URL and the
 * app clients of a user pool in the same app. The functions validate the actual values when they start.
 *
 * @param parse validates a configuration without tokens
 */
export function parseWithTokens(
  input: MonitoringConfigInput,
  parse: (input: MonitoringConfigInput) => MonitoringConfig,
): MonitoringConfig {
  const standIns = new Map<string, string>();
  const { issuers, dpop, providers } = input;
  const known = replaceTexts({ issuers, dpop, providers }, (text, key) => {
    if (!Token.isUnresolved(text)) return text;
    const standIn = standIns.get(text) ?? (STAND_INS[key] ?? otherStandIn)(standIns.size + 1);
    standIns.set(text, standIn);
    return standIn;
  }) as Pick<MonitoringConfigInput, "issuers" | "dpop" | "providers">;
  if (standIns.size === 0) return parse(input);
  const config = parse({ ...input, ...known });
  const tokens = new Map([...standIns].map(([token, standIn]) => [standIn, token]));
  const restored = replaceTexts(
    { issuers: config.issuers, dpop: config.dpop, providers: config.providers },
    (text) => tokens.get(text) ?? text,
  ) as Pick<MonitoringConfig, "issuers" | "dpop" | "providers">;
  return { ...config, ...restored };
}
