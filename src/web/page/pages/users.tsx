import { useState } from "preact/hooks";
import { passwordLengthMin, type SessionView, type UserView } from "../../../admin/access-views.js";
import { type Role, roles } from "../../../admin/roles.js";
import type { Failure } from "../../../base/failure.js";
import { request } from "../state/api.js";
import { useResource } from "../state/resource.js";
import { hasLogin, refreshSession } from "../state/session.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote, Note } from "../ui/note.js";
import { type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";
import { Tokens } from "./tokens.js";
import { UserChange } from "./user-change.js";

const roleWords: Readonly<Record<Role, string>> = {
  "read-only": "sees everything, changes nothing",
  operator: "also upgrades, groups and images",
  admin: "also users, tokens and whole configurations",
};

export function UsersPage({ session }: { session: SessionView }) {
  if (session.role === "admin") return <AllUsers session={session} />;
  return (
    <>
      <p class="path">Management</p>
      <h1>Users</h1>
      <Note tone="info">
        You are {session.name}, {session.role}. Only an admin sees and changes the other users.
      </Note>
      <OwnPassword />
    </>
  );
}

function AllUsers({ session }: { session: SessionView }) {
  const users = useResource(() => request<readonly UserView[]>("GET", "/users"), []);
  const { ask, dialog } = useConfirm();
  const [changing, setChanging] = useState<UserView | null>(null);
  const remove = ({ name }: UserView): void =>
    ask({
      title: `Delete the user ${name}?`,
      action: "Delete user",
      dangerous: true,
      children: (
        <p>
          All logins of {name} end at once, and so do tokens and SSH keys that {name} made. Running upgrades continue.
        </p>
      ),
      act: async () => {
        const result = tell(await request("DELETE", `/users/${encodeURIComponent(name)}`), `${name} was deleted`);
        users.reload();
        return result;
      },
    });
  const endAccess = ({ name }: UserView): void =>
    ask({
      title: `End all access of ${name}?`,
      action: "End all access",
      dangerous: true,
      children: (
        <p>Logins and shells end at once; SSH keys and tokens are removed. The password stays: change it, too, if it may be known.</p>
      ),
      act: async () => {
        const result = tell(await request("DELETE", `/users/${encodeURIComponent(name)}/access`), `All access of ${name} was ended`);
        users.reload();
        await refreshSession();
        return result;
      },
    });
  const columns: readonly Column<UserView>[] = [
    { title: "User", cell: ({ name }) => <strong>{name}</strong>, sortBy: ({ name }) => name },
    {
      title: "Role",
      cell: ({ role }) => (
        <>
          {role} <span class="muted">{roleWords[role]}</span>
        </>
      ),
      sortBy: ({ role }) => role,
      wraps: true,
    },
    { title: "SSH keys", cell: ({ sshKeys }) => sshKeys.length || "", sortBy: ({ sshKeys }) => sshKeys.length, numeric: true, extra: true },
    {
      title: "",
      cell: (row) => (
        <div class="row-acts">
          <button type="button" class="quiet" aria-label={`Change ${row.name}`} onClick={() => setChanging(row)}>
            Change…
          </button>
          <button type="button" class="quiet danger-text" aria-label={`End access… of ${row.name}`} onClick={() => endAccess(row)}>
            End access…
          </button>
          {row.name !== session.name && (
            <button type="button" class="quiet danger-text" aria-label={`Delete ${row.name}`} onClick={() => remove(row)}>
              Delete
            </button>
          )}
        </div>
      ),
    },
  ];
  return (
    <>
      <p class="path">Management</p>
      <h1>Users</h1>
      <div class="columns wide-left">
        <div>
          <FailureNote failure={users.failure} />
          <Table
            caption="Users"
            captionHidden
            columns={columns}
            rows={users.value ?? []}
            rowKey={({ name }) => name}
            empty="There are no users."
          />
          <Tokens />
        </div>
        <div>
          <AddUser added={users.reload} />
          {hasLogin(session) && <OwnPassword />}
        </div>
      </div>
      {dialog}
      {changing !== null && <UserChange user={changing} onClose={() => setChanging(null)} changed={users.reload} />}
    </>
  );
}

function AddUser({ added }: { added: () => void }) {
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const name = String(fields.get("name")).trim();
    const result = await request("POST", "/users", { name, password: String(fields.get("password")), role: String(fields.get("role")) });
    setRefusal(result.ok ? null : result.failure);
    if (!result.ok) return;
    tell(result, `${name} can log in now`);
    form.reset();
    added();
  };
  return (
    <section class="card" aria-labelledby="add-user-heading">
      <h2 id="add-user-heading">Add a user</h2>
      <form onSubmit={submit}>
        <label>
          User
          <input name="name" required autocomplete="off" autoCapitalize="none" spellcheck={false} />
        </label>
        <label>
          Password
          <input name="password" type="password" required minLength={passwordLengthMin} autocomplete="new-password" />
        </label>
        <label>
          Role
          <select name="role">
            {roles.map((role) => (
              <option key={role} value={role}>
                {role}
              </option>
            ))}
          </select>
        </label>
        <FailureNote failure={refusal} />
        <button type="submit" class="primary">
          Add user
        </button>
      </form>
    </section>
  );
}

/** Ends every login of the user, including this one, as the controller does. */
function OwnPassword() {
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const result = await request("PUT", "/session/password", {
      current: String(fields.get("current")),
      password: String(fields.get("next")),
    });
    setRefusal(result.ok ? null : result.failure);
    if (!result.ok) return;
    tell(result, "Your password was changed; log in with it");
    await refreshSession();
  };
  return (
    <section class="card" aria-labelledby="own-password-heading">
      <h2 id="own-password-heading">Your password</h2>
      <form onSubmit={submit}>
        <label>
          Current password
          <input name="current" type="password" required autocomplete="current-password" />
        </label>
        <label>
          New password
          <input name="next" type="password" required minLength={passwordLengthMin} autocomplete="new-password" />
        </label>
        <p class="hint">At least {passwordLengthMin} characters. You log in again afterwards.</p>
        <FailureNote failure={refusal} />
        <button type="submit">Change password</button>
      </form>
    </section>
  );
}
