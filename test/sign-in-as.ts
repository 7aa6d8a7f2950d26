/** Signs in at the local issuer like a user in a browser: enters a name, consents, and follows every redirect. */
export async function signInAs(user: string, page: URL): Promise<void> {
  const cookies = new Map<string, string>();
  let url: URL | undefined = page;
  while (url) {
    const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
    const get: Response = await fetch(url, { headers: { cookie }, redirect: "manual" });
    let answer = get;
    const html = await get.text();
    const [, action] = /<form[^>]* action="([^"]+)"/.exec(html) ?? [];
    const [, prompt] = /name="prompt" value="([a-z]+)"/.exec(html) ?? [];
    if (action && prompt) {
      answer = await fetch(action, {
        method: "POST",
        headers: { cookie },
        body: new URLSearchParams({ prompt, login: user, password: "any" }),
        redirect: "manual",
      });
    }
    for (const each of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
      cookies.set(name, value);
    }
    const next: string | null = answer.headers.get("location");
    url = next === null ? undefined : new URL(next, url);
  }
}
