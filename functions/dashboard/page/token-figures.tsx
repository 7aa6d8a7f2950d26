import type { TokenUsageStats } from "../../../shared/statistics/token-usage-stats.ts";
import { formatLength, formatNumber } from "./format.ts";
import type { Resource } from "./use-resource.ts";
import type { Span } from "./view.ts";

type Figure = "total_tokens_issued" | "active_tokens" | "expired_tokens" | "revoked_tokens";

const FIGURES: readonly (readonly [Figure, string])[] = [
  ["total_tokens_issued", "Tokens issued"],
  ["active_tokens", "Active"],
  ["expired_tokens", "Expired"],
  ["revoked_tokens", "Revoked"],
];

interface TokenFiguresProps {
  readonly stats: Resource<TokenUsageStats>;
  /** The figures at the end of the previous period. */
  readonly previous: Resource<TokenUsageStats>;
  readonly span: Span;
}

/** Shows the change since the previous period as text, without relying on colour. */
function Change({ current, before, period }: { current: number; before: number; period: string }) {
  const difference = current - before;
  const percent = before > 0 ? ` (${Math.round((difference / before) * 100)}%)` : "";
  const sign = difference > 0 ? "+" : difference < 0 ? "−" : "±";
  const arrow = difference > 0 ? "▲" : difference < 0 ? "▼" : "–";
  return (
    <span class="change">
      <span aria-hidden="true">{arrow} </span>
      {sign}
      {formatNumber(Math.abs(difference))}
      {percent.replace("-", "−")}
      <span class="muted"> vs previous {period}</span>
    </span>
  );
}

/** Shows the four token figures and how each one changed since the previous period. */
export function TokenFigures({ stats, previous, span }: TokenFiguresProps) {
  const { value, error } = stats;
  const period = formatLength(span.toMs - span.fromMs);
  return (
    <section class="figures" aria-label="Tokens" aria-busy={value === undefined && !error}>
      {error && (
        <p class="error card" role="alert">
          {error}
        </p>
      )}
      {(value || !error) &&
        FIGURES.map(([name, label]) => (
          <div class="card figure" key={name} data-figure={name}>
            <h2>{label}</h2>
            <p class="number">{value ? formatNumber(value[name]) : "…"}</p>
            {value && previous.value ? (
              <Change current={value[name]} before={previous.value[name]} period={period} />
            ) : (
              <span class="change muted">{previous.error ? "no earlier data" : "…"}</span>
            )}
          </div>
        ))}
    </section>
  );
}
