/**
 * The path that rules are matched against: percent-encoding undone, empty and dot segments resolved,
 * so that `/api//admin`, `/api/%61dmin` and `/api/x/../admin` cannot slip past the rule of `/api/admin`.
 *
 * @returns undefined for a path whose encoding is broken; such a call is refused.
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
