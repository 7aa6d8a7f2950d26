import { useState } from "preact/hooks";
import type { Action } from "../../../shared/response/action.ts";
import type { AdminApi } from "./admin-api.ts";
import { formatType } from "./format.ts";
import { Panel } from "./panel.tsx";
import { ActionRow } from "./respond-panel.tsx";
import type { Resource } from "./use-resource.ts";

interface ProposalsPanelProps {
  readonly api: AdminApi;
  readonly proposals: Resource<readonly Action[]>;
  readonly onDone: () => void;
}

/** Lists the actions that await approval. Hidden if the list is empty. */
export function ProposalsPanel({ api, proposals, onDone }: ProposalsPanelProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  if (error === undefined && (proposals.value ?? []).length === 0) return null;
  const decide = async (action: Action, decision: "approve" | "reject" | "release") => {
    setBusy(true);
    setError(undefined);
    try {
      await api.decide(action.action_id, decision, `${formatType(decision)} in the dashboard`);
      onDone();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel
      title="Waiting for approval"
      class="respond"
      resource={{ ...proposals, ...(error !== undefined && { error }) }}
      empty="No actions are waiting for approval."
      isEmpty={(list) => list.length === 0}
    >
      {(list) => (
        <ul class="actions">
          {list.map((action) => (
            <ActionRow
              key={action.action_id}
              action={action}
              busy={busy}
              onDecide={(decision) => void decide(action, decision)}
            />
          ))}
        </ul>
      )}
    </Panel>
  );
}
