import { createHash } from "node:crypto";

/** The HTML of the page, and its required response headers. */
interface PageDocument {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

function sourceHash(content: string): string {
  return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
}

/**
 * Combines script and style in one document. The Content-Security-Policy allows only this script and this style, and
 * only connections to the page's own host. https://www.w3.org/TR/CSP3/
 *
 * @param script the page's bundle. It must not contain `</script`, which esbuild escapes.
 */
export function pageDocument(script: string, style: string): PageDocument {
  const policy = [
    "default-src 'none'",
    `script-src ${sourceHash(script)}`,
    `style-src ${sourceHash(style)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  const icon =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%233b5bdb'/%3E%3Cpath d='M3 9h2l2-5 2 8 2-5 1 2h1' fill='none' stroke='white' stroke-width='1.5'/%3E%3C/svg%3E";
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>OAuth monitoring</title>
<link rel="icon" href="${icon}">
<style>${style}</style>
</head>
<body>
<div id="app"></div>
<noscript>The dashboard needs JavaScript. Without it, use the admin API or the CLI.</noscript>
<script type="module">${script}</script>
</body>
</html>
`;
  return {
    html,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-cache",
      "Content-Security-Policy": policy.join("; "),
      "Cross-Origin-Opener-Policy": "same-origin",
      "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
      "Referrer-Policy": "no-referrer",
      "Strict-Transport-Security": "max-age=31536000",
      "X-Content-Type-Options": "nosniff",
    },
  };
}
