/**
 * Normalizes a path before it is matched against the rules: decodes it, and resolves empty and dot segments.
 * So `/api//admin`, `/api/%61dmin` and `/api/x/../admin` cannot evade the rule for `/api/admin`.
 *
 * @returns undefined for a path with a broken encoding; such a call is refused.
 */
export function normalizePath(path: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  const segments: string[] = [];
  for (const segment of decoded.replaceAll("\\", "/").split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") segments.pop();
    else segments.push(segment);
  }
  return `/${segments.join("/")}`;
}
