import "./browser-language.ts";
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./page.css";
import { useMemo, useState } from "preact/hooks";
import { AdminApi } from "./admin-api.ts";
import { Approval, takeApprovalLink } from "./approval.tsx";
import { Dashboard } from "./dashboard.tsx";
import { SignIn } from "./sign-in.tsx";

/** Key of the token in the session storage, which only this tab can read and which the browser deletes with the tab. */
const KEY = "oauth-monitoring.admin-token";

/** The admin routes are siblings of the page, in every stage and under every domain. */
const base = new URL("./", location.href);

const approvalLink = takeApprovalLink();

/**
 * Asks for the admin token, then shows the dashboard. If the URL contains an approval link, shows the linked action
 * instead.
 */
function App() {
  const [token, setToken] = useState(() => sessionStorage.getItem(KEY));
  const [notice, setNotice] = useState<string>();
  const api = useMemo(() => (token === null ? undefined : new AdminApi(token, base)), [token]);

  const enter = (accepted: string) => {
    sessionStorage.setItem(KEY, accepted);
    setNotice(undefined);
    setToken(accepted);
  };
  const leave = (message?: string) => {
    sessionStorage.removeItem(KEY);
    setNotice(message);
    setToken(null);
  };
  if (approvalLink !== undefined) return <Approval base={base} link={approvalLink} />;
  return api ? (
    <Dashboard api={api} onSignOut={leave} />
  ) : (
    <SignIn base={base} notice={notice} onSignedIn={enter} />
  );
}

const root = document.getElementById("app");
if (root) render(<App />, root);
