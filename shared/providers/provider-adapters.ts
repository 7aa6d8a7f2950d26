import { auth0 } from "./auth0.ts";
import { cognito } from "./cognito.ts";
import { keycloak } from "./keycloak.ts";
import { okta } from "./okta.ts";
import type { ProviderAdapter, ProviderMessage } from "./provider-adapter.ts";

/** Every provider that sends its events to the bus itself. */
const ADAPTERS: readonly ProviderAdapter[] = [auth0, okta, keycloak, cognito];

/** The adapter for a message's source. */
export function adapterOf(message: ProviderMessage): ProviderAdapter | undefined {
  return ADAPTERS.find((adapter) => adapter.serves(message));
}
