import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";

/** A route of the test application. Routes share a scope only if the same built-in rule covers them. */
export interface AppRoute {
  readonly method: string;
  /** Path in API Gateway's form. */
  readonly path: string;
  readonly scope: string;
  /** A path that this route serves. */
  readonly example: string;
  readonly session?: true;
  readonly acr?: "mfa";
  /** Scope of the route that differs only by case. A decision may require both. */
  readonly twin?: string;
  /** Set if no configured rule matches. A built-in rule or the default scopes decide. */
  readonly unlisted?: true;
}

/**
 * Routes that every backend serves, most specific first. They differ by method, by case, by a static segment instead of
 * a parameter, and by depth under a greedy parameter.
 */
export const ROUTES: readonly AppRoute[] = [
  { method: "GET", path: "/public/{x}", scope: "public", example: "/public/x" },
  { method: "GET", path: "/api/admin/users", scope: "users", example: "/api/admin/users" },
  { method: "GET", path: "/api/admin/users/me", scope: "me", example: "/api/admin/users/me" },
  { method: "GET", path: "/api/admin/users/{id}", scope: "user", example: "/api/admin/users/42" },
  {
    method: "DELETE",
    path: "/api/admin/users/{id}",
    scope: "delete-user",
    example: "/api/admin/users/42",
  },
  { method: "GET", path: "/api/orders", scope: "orders", example: "/api/orders" },
  { method: "POST", path: "/api/orders", scope: "order", example: "/api/orders" },
  {
    method: "GET",
    path: "/api/reports",
    scope: "reports",
    example: "/api/reports",
    twin: "old-reports",
  },
  {
    method: "GET",
    path: "/api/Reports",
    scope: "old-reports",
    example: "/api/Reports",
    twin: "reports",
  },
  { method: "GET", path: "/files/private/{x}", scope: "private", example: "/files/private/x" },
  { method: "ANY", path: "/files/{proxy+}", scope: "files", example: "/files/a/b" },
  {
    method: "POST",
    path: "/api/payments/{id}",
    scope: "pay",
    example: "/api/payments/7",
    acr: "mfa",
  },
  { method: "GET", path: "/api/chat", scope: "chat", example: "/api/chat", session: true },
  {
    method: "GET",
    path: "/admin/oauth/events",
    scope: "oauth:admin",
    example: "/admin/oauth/events",
    unlisted: true,
  },
  {
    method: "POST",
    path: "/admin/oauth/actions",
    scope: "oauth:respond",
    example: "/admin/oauth/actions",
    unlisted: true,
  },
  {
    method: "POST",
    path: "/admin/oauth/actions/{id}/approve",
    scope: "oauth:respond",
    example: "/admin/oauth/actions/7/approve",
    unlisted: true,
  },
  { method: "GET", path: "/other/{x}", scope: "read", example: "/other/x", unlisted: true },
  { method: "POST", path: "/other/{x}", scope: "write", example: "/other/x", unlisted: true },
];

export const SCOPES: readonly string[] = [...new Set(ROUTES.map(({ scope }) => scope))];

/** Returns the name of a token that is allowed on this route and on as few others as possible. */
export const tokenFor = ({ scope, acr, twin }: AppRoute): string => {
  if (acr) return `${scope}-strong`;
  return twin ? [scope, twin].sort().join("+") : scope;
};

/** Names a route in failures: `DELETE /api/admin/users/{id}`. */
export const getName = ({ method, path }: AppRoute): string => `${method} ${path}`;

/** Returns a configuration in which each route needs its own scope. */
export function configFor(issuer: string, audience: string): MonitoringConfigInput {
  return {
    routes: ROUTES.filter(({ unlisted }) => !unlisted).map((route) => ({
      method: route.method as "ANY",
      path: route.path,
      scopes: [route.scope],
      ...(route.session && { session: "required" as const }),
      ...(route.acr && { acrValues: [route.acr] }),
    })),
    defaultScopes: { read: ["read"], write: ["write"] },
    issuers: [{ issuer, audiences: [audience], mayAdminister: true }],
    // Avoids a write for each call, which would slow down the run without testing anything more.
    tracking: { lastUsedIntervalSeconds: 86_400 },
  };
}
