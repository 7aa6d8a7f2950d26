import type { ClientSummary } from "../../../shared/statistics/list-clients.ts";
import { formatAgo, formatMoment, formatNumber } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Resource } from "./use-resource.ts";

interface ClientsPanelProps {
  readonly clients: Resource<readonly ClientSummary[]>;
  readonly nowMs: number;
  /** The client that the page is filtered by, if any. */
  readonly only: string | undefined;
  readonly onNarrow: (clientId: string) => void;
}

/** Lists the clients with the number of active tokens and the last use. */
export function ClientsPanel({ clients, nowMs, only, onNarrow }: ClientsPanelProps) {
  const visible = clients.value?.filter(
    ({ oauth_client_id }) => only === undefined || oauth_client_id === only,
  );
  return (
    <Panel
      title="Clients"
      resource={{ ...clients, value: visible }}
      empty="No clients yet. A client appears with its first token, or after “clients add”."
      isEmpty={(list) => list.length === 0}
      rows={{ name: "clients", of: (list) => list.map((client) => ({ ...client })) }}
    >
      {(list) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <section class="scroll" tabIndex={0} aria-label="Clients table">
          <table>
            <thead>
              <tr>
                <th scope="col">Client</th>
                <th scope="col" class="count">
                  Active tokens
                </th>
                <th scope="col">Last use</th>
              </tr>
            </thead>
            <tbody>
              {list.map((client) => (
                <tr key={client.oauth_client_id}>
                  <th scope="row">
                    <button
                      type="button"
                      class="link"
                      onClick={() => onNarrow(client.oauth_client_id)}
                    >
                      {client.client_name}
                    </button>
                    {client.client_name !== client.oauth_client_id && (
                      <small class="muted"> {client.oauth_client_id}</small>
                    )}
                  </th>
                  <td class="count">{formatNumber(client.active_tokens)}</td>
                  <td>
                    {client.last_used_at ? (
                      <time
                        dateTime={client.last_used_at}
                        title={formatMoment(client.last_used_at)}
                      >
                        {formatAgo(client.last_used_at, nowMs)}
                      </time>
                    ) : (
                      "never"
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  );
}
