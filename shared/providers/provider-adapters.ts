import { auth0 } from "./auth0.ts";
import { cognito } from "./cognito.ts";
import { keycloak } from "./keycloak.ts";
import { okta } from "./okta.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";

/** Every provider that needs no mapping in the configuration. */
export const KNOWN_PROVIDERS: readonly ProviderAdapter[] = [auth0, okta, keycloak, cognito];
