import type { ProviderMapping } from "../../config/provider-parameters.ts";
import { auth0 } from "./auth0.ts";
import { cognito } from "./cognito.ts";
import { entra } from "./entra.ts";
import { keycloak } from "./keycloak.ts";
import { okta } from "./okta.ts";
import { ping } from "./ping.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";

/** Adapters for the providers that are supported without a mapping in the configuration. */
export const KNOWN_PROVIDERS: readonly ProviderAdapter[] = [
  auth0,
  okta,
  entra,
  keycloak,
  ping,
  cognito,
];

/**
 * Returns all adapters, including one for each mapping in the configuration. Loads the mapping code only if there are
 * any mappings.
 *
 * @throws InvalidConfigError if a path in a mapping isn't valid JSONPath
 */
export async function loadAdapters(
  mappings: readonly ProviderMapping[],
): Promise<readonly ProviderAdapter[]> {
  if (mappings.length === 0) return KNOWN_PROVIDERS;
  const { mappedProvider } = await import("./mapped-provider.ts");
  return [...KNOWN_PROVIDERS, ...mappings.map(mappedProvider)];
}
