import type { ProviderMapping } from "../../config/provider-parameters.ts";
import { auth0 } from "./auth0.ts";
import { cognito } from "./cognito.ts";
import { entra } from "./entra.ts";
import { keycloak } from "./keycloak.ts";
import { okta } from "./okta.ts";
import { ping } from "./ping.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";

/** The adapters of all providers that need no mapping in the configuration. */
export const KNOWN_PROVIDERS: readonly ProviderAdapter[] = [
  auth0,
  okta,
  entra,
  keycloak,
  ping,
  cognito,
];

/**
 * Returns all adapters, including those of the configuration's mappings. Loads the mapping code only if there are
 * mappings.
 *
 * @throws InvalidConfigError if a path of a mapping isn't a valid JSONPath
 */
export async function loadAdapters(
  mappings: readonly ProviderMapping[],
): Promise<readonly ProviderAdapter[]> {
  if (mappings.length === 0) return KNOWN_PROVIDERS;
  const { mappedProvider } = await import("./mapped-provider.ts");
  return [...KNOWN_PROVIDERS, ...mappings.map(mappedProvider)];
}
