import { Token } from "aws-cdk-lib";
import type {
  MonitoringConfig,
  MonitoringConfigInput,
} from "../shared/config/monitoring-config.ts";

const URL_PLACEHOLDER = (n: number) => `https://known-at-deployment-${n}.invalid`;

/** Placeholders by key. They pass validation, and stand in for values that are known only at deployment. */
const PLACEHOLDERS: Readonly<Record<string, (n: number) => string>> = {
  issuer: URL_PLACEHOLDER,
  jwksUri: URL_PLACEHOLDER,
  endpoint: URL_PLACEHOLDER,
  secretArn: (n) => `arn:aws:secretsmanager:us-east-1:000000000000:secret:known-at-deployment-${n}`,
};

const otherPlaceholder = (n: number) => `known-at-deployment-${n}`;

/** Replaces all strings in a value. `replace` receives each string's key; for an array element, the array's key. */
function replaceTexts<T>(value: T, replace: (text: string, key: string) => string, key = ""): T {
  const replaced = (member: unknown, name: string) => replaceTexts(member, replace, name);
  if (typeof value === "string") return replace(value, key) as T;
  if (Array.isArray(value)) return value.map((member) => replaced(member, key)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, replaced(member, name)]),
  ) as T;
}

/** The construct's configuration, in the forms that its parts need. */
export interface Configuration {
  /** Includes defaults, and CDK tokens for values that are known only at deployment. */
  readonly config: MonitoringConfig;
  /** The configuration as the user wrote it, as JSON that can contain CDK tokens. */
  readonly json: string;
  /** `config` as JSON with a placeholder for each CDK token. */
  readonly fileText: string;
  /** The CDK tokens by placeholder. */
  readonly deployTimeValues: Readonly<Record<string, string>>;
}

/**
 * Validates a configuration that can contain CDK tokens, such as the URL and the app clients of a user pool in the same
 * app. The functions validate the actual values when they start.
 *
 * @param parse validates a configuration without tokens
 */
export function parseWithTokens(
  input: MonitoringConfigInput,
  parse: (input: MonitoringConfigInput) => MonitoringConfig,
): Configuration {
  const placeholders = new Map<string, string>();
  const withPlaceholders = replaceTexts(input, (text, key) => {
    if (!Token.isUnresolved(text)) return text;
    const create = PLACEHOLDERS[key] ?? otherPlaceholder;
    const placeholder = placeholders.get(text) ?? create(placeholders.size + 1);
    placeholders.set(text, placeholder);
    return placeholder;
  });
  const tokens = new Map([...placeholders].map(([token, placeholder]) => [placeholder, token]));
  const config = parse(withPlaceholders);
  return {
    config: replaceTexts(config, (text) => tokens.get(text) ?? text),
    json: JSON.stringify(input),
    fileText: JSON.stringify(config),
    deployTimeValues: Object.fromEntries(tokens),
  };
}
