import type { ComponentChildren } from "preact";
import type { StoredEvent } from "../../../shared/audit-log/stored-event.ts";
import { formatAgo, formatMoment } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Resource } from "./use-resource.ts";

/** The audit log's events about one token. */
export interface TokenLife {
  readonly issued?: StoredEvent | undefined;
  readonly revoked?: StoredEvent | undefined;
  readonly latest?: StoredEvent | undefined;
}

interface TokenCardProps {
  readonly tokenId: string;
  readonly life: Resource<TokenLife>;
  readonly nowMs: number;
}

function describeState({ issued, revoked }: TokenLife, nowMs: number): string {
  const expiresAt = issued?.event_data.expires_at;
  if (revoked) return "Revoked";
  if (typeof expiresAt !== "string") return "Unknown: the audit log has no expiry time";
  return Date.parse(expiresAt) <= nowMs ? "Expired" : "Active";
}

/** Shows one token's history, instead of the figures for all tokens. */
export function TokenCard({ tokenId, life, nowMs }: TokenCardProps) {
  const moment = (at: unknown): ComponentChildren =>
    typeof at === "string" ? (
      <time dateTime={at}>
        {formatMoment(at)} <span class="muted">({formatAgo(at, nowMs)})</span>
      </time>
    ) : (
      "–"
    );
  return (
    <Panel
      title="Token"
      class="token"
      resource={life}
      empty="The audit log has no events of this token."
      isEmpty={({ latest }) => latest === undefined}
    >
      {(value) => (
        <dl class="facts">
          <dt>ID</dt>
          <dd>
            <code>{tokenId}</code>
          </dd>
          <dt>State</dt>
          <dd>{describeState(value, nowMs)}</dd>
          <dt>Client</dt>
          <dd>{value.latest?.oauth_client_id ?? "–"}</dd>
          <dt>User</dt>
          <dd>{value.latest?.user_id ?? "–"}</dd>
          <dt>Issued</dt>
          <dd>{moment(value.issued?.event_data.issued_at ?? value.issued?.occurred_at)}</dd>
          <dt>Expires</dt>
          <dd>{moment(value.issued?.event_data.expires_at)}</dd>
          <dt>Revoked</dt>
          <dd>{moment(value.revoked?.occurred_at)}</dd>
          <dt>Last seen</dt>
          <dd>{moment(value.latest?.occurred_at)}</dd>
        </dl>
      )}
    </Panel>
  );
}
