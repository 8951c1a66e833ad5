import { useState } from "preact/hooks";
import type { Failure } from "../../../base/failure.js";
import { logIn } from "../state/session.js";
import { FailureNote } from "../ui/note.js";

export function LoginPage() {
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    const answer = await logIn(String(fields.get("name")), String(fields.get("password")));
    setBusy(false);
    if (!answer.ok) setRefusal(answer.failure);
  };
  return (
    <main class="login">
      <form class="card" onSubmit={submit}>
        <div class="brand">
          <img src="/icon.svg" alt="" width="36" height="36" />
          <h1>flexup</h1>
        </div>
        <label>
          User
          <input name="name" autocomplete="username" required autoCapitalize="none" spellcheck={false} />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <FailureNote failure={refusal} />
        <button type="submit" class="primary" disabled={busy}>
          Log in
        </button>
        <p class="muted">The controller printed the password of the first user, admin, when it first started.</p>
      </form>
    </main>
  );
}
