import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBearerCredentials } from "../../shared/authorization/bearer-token.ts";
import { normalizePath } from "../../shared/authorization/request-path.ts";
import { requiredAccess } from "../../shared/authorization/required-access.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";

describe("parseBearerCredentials", () => {
  it("takes the token of RFC 6750, whatever the case of the scheme", () => {
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      expect(parseBearerCredentials([`${scheme} abc.DEF-1_~+/==`])).toEqual({
        found: true,
        secret: "abc.DEF-1_~+/==",
        scheme: "bearer",
      });
    }
  });

  it("never throws, and finds only what a header can carry", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 3 }), (fields) => {
        const parsed = parseBearerCredentials(fields);
        if (parsed.found) expect(fields[0]).toContain(parsed.secret);
        else expect(parsed.reason).toBe(fields.length === 0 ? "missing_token" : "malformed_token");
      }),
    );
  });

  it("refuses a token longer than any real one", () => {
    expect(parseBearerCredentials([`Bearer ${"a".repeat(5000)}`])).toMatchObject({ found: false });
  });
});

describe("normalizePath", () => {
  it.each([
    ["/a/b", "/a/b"],
    ["//a///b/", "/a/b"],
    ["/a/./b/../c", "/a/c"],
    ["/%61/b", "/a/b"],
    ["/a/%2e%2e/b", "/b"],
    ["/a%2fb", "/a/b"],
    ["/a\\b", "/a/b"],
    ["/../../a", "/a"],
    ["/%zz", undefined],
  ])("%s → %s", (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it("is stable: no segment is left that a second look would resolve", () => {
    fc.assert(
      fc.property(fc.string(), (path) => {
        const once = normalizePath(path);
        if (once !== undefined && !once.includes("%")) expect(normalizePath(once)).toBe(once);
      }),
    );
  });
});

describe("requiredAccess", () => {
  const config = parseMonitoringConfig({
    routes: [
      { method: "GET", path: "/api/reports/{id}", scopes: ["reports:read"] },
      { path: "/api/mcp/{proxy+}", scopes: ["mcp:use"], session: "required" },
      { path: "/api/reports/{proxy+}", scopes: ["reports:all", "api:write"] },
    ],
  });
  const scopes = (method: string, path: string) => requiredAccess(config, method, path).scopes;

  it("lets the first rule that matches decide", () => {
    expect(scopes("GET", "/api/reports/7")).toEqual(["reports:read"]);
    expect(scopes("POST", "/api/reports/7")).toEqual(["reports:all", "api:write"]);
    expect(scopes("GET", "/api/reports/7/lines")).toEqual(["reports:all", "api:write"]);
    expect(requiredAccess(config, "GET", "/api/mcp/a/b").session).toBe("required");
  });

  it("needs the default scopes where no rule matches", () => {
    expect(scopes("GET", "/api/other")).toEqual(["api:read"]);
    expect(scopes("HEAD", "/api/mcp")).toEqual(["api:read"]);
    expect(scopes("DELETE", "/api/other")).toEqual(["api:write"]);
  });
});
