/** A controller that cannot store: what it refuses, and what it continues doing. */
import t from "tap";
import { branch, mac, start } from "../../support/controller-lab.js";

const full = {
  storage: { state: "read-only", reason: "no space is left", unsavedRows: 2 },
  link: "dtls",
  signatures: "required",
  certificate: null,
} as const;
const writable = { storage: { state: "writable" }, link: "dtls", signatures: "required", certificate: null } as const;

t.test("while nothing can be stored changes are refused with the reason, and APs are served", async (t) => {
  const lab = branch(2);
  lab.do(start);
  lab.domain.systemChanged(full);
  lab.drain();
  t.match(lab.events.at(-1), { type: "storage", state: "read-only", reason: "no space is left" });
  t.match(lab.try({ type: "group-add", group: "H" }), {
    ok: false,
    failure: { code: "storage-read-only", message: /no space is left/ },
  });
  t.equal(lab.code({ type: "group-start", group: "G", release: "primary" }), "storage-read-only");
  t.match(lab.do({ type: "show-system" }), { storage: full.storage });
  t.equal(lab.code({ type: "group-preview", group: "G", release: "primary" }), "ok", "what only looks is answered");
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  t.match(lab.do({ type: "show-group", group: "G" }).run?.counts, { Complete: 1 }, "reports of APs count");
  t.equal(lab.code({ type: "ap-predownload-abort", ap: mac(2) }), "ok", "what needs no space is done");

  lab.domain.systemChanged({ ...full, storage: { ...full.storage, unsavedRows: 3 } });
  lab.domain.systemChanged(writable);
  lab.drain();
  t.match(
    lab.events.filter(({ type }) => type === "storage"),
    [{ state: "read-only" }, { state: "writable", reason: null }],
    "one event for each change",
  );
  t.equal(lab.code({ type: "group-add", group: "H" }), "ok");
});
