/** What goes wrong in branches, with real processes. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import t, { type Test } from "tap";
import { type ApPlan, after, apsOf, before, Fleet, must, until } from "../support/fleet.js";

const mebibyte = 2 ** 20;

/** Holds TFTP sessions at an AP open without reading on, as a stuck client does. */
async function openSessions(
  t: Test,
  address: string,
  fileName: string,
  count: number,
): Promise<{ readonly answers: Buffer[]; release: () => void }> {
  const sockets: Socket[] = [];
  const release = (): void => {
    for (const socket of sockets.splice(0)) socket.close();
  };
  t.teardown(release);
  const request = Buffer.concat([Buffer.from([0, 1]), Buffer.from(`${fileName}\0octet\0`)]);
  const answers: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const socket = createSocket("udp4");
    sockets.push(socket);
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    socket.send(request, 6969, address);
    const [answer] = (await once(socket, "message")) as [Buffer];
    answers.push(answer);
  }
  return { answers, release };
}

/** One model: a primary that holds the image and offers it, subordinates not yet in the group. */
async function withPrimary(t: Test, count: number, sizeBytes: number, settings: Parameters<Fleet["group"]>[2] = {}) {
  const fleet = await Fleet.start(t);
  const plans = apsOf("AIR-CAP3702I", count);
  const primary = plans[0] as ApPlan;
  await fleet.join(plans);
  const image = await fleet.addImage("AIR-CAP3702I", sizeBytes);
  await fleet.group("branch", [primary], settings);
  must(await fleet.admin.order({ type: "group-start", group: "branch", release: "primary" }));
  await fleet.runOver("branch");
  return { fleet, plans, primary, image };
}

/** Most of the time these wait, each in a network of its own. */
t.jobs = 2;

t.test("three sessions are served, a fourth is refused at once, and a freed slot is taken", async (t) => {
  const { fleet, primary, image } = await withPrimary(t, 1, mebibyte);
  const held = await openSessions(t, fleet.address(primary), image.fileName, 3);
  for (const answer of held.answers) t.equal(answer.readUInt16BE(0), 3, "DATA");
  const fourth = await openSessions(t, fleet.address(primary), image.fileName, 1);
  const [refusal] = fourth.answers;
  t.equal(refusal?.readUInt16BE(0), 5, "ERROR");
  t.equal(refusal?.readUInt16BE(2), 0, "not defined, see the text");
  t.match(refusal?.subarray(4).toString(), /busy|session/i);
});

t.test("tries exhausted: the subordinate that finds no free slot takes the image over the WAN", async (t) => {
  const fleet = await Fleet.start(t);
  const plans = apsOf("AIR-CAP3702I", 5);
  await fleet.join(plans, "--tftp-rate", "4M");
  await fleet.addImage("AIR-CAP3702I", mebibyte);
  await fleet.group("branch", plans, { retryCount: 2, minSeconds: 0.05, maxSeconds: 0.1 });
  must(await fleet.admin.order({ type: "group-start", group: "branch", release: "primary" }));
  const view = await fleet.runOver("branch");
  t.match(view.run, { state: "complete", counts: { Complete: 5 } });
  const fallbacks = (await fleet.rows()).filter(({ role }) => role === "subordinateCentral");
  t.equal(fallbacks.length, 1, "three of four subordinates were served");
  t.match(fallbacks[0], { status: "Complete", source: "wan", retryCount: 2, wanBytes: mebibyte, lanBytes: 0, backupImage: after });
  t.match(view.models, [{ wanCopies: 2, sessionsPeak: 3 }]);
});

t.test("abort stops both ends, frees the slots and keeps what was there", async (t) => {
  const fleet = await Fleet.start(t);
  const plans = apsOf("AIR-CAP3702I", 3);
  await fleet.join(plans, "--tftp-rate", "2M");
  await fleet.addImage("AIR-CAP3702I", 4 * mebibyte);
  await fleet.group("branch", plans);
  must(await fleet.admin.order({ type: "group-start", group: "branch", release: "primary" }));
  await until("subordinates fetch", async () =>
    (await fleet.rows()).filter(({ source, bytesDone }) => source === "lan" && bytesDone > 0).length === 2 ? true : undefined,
  );
  const abortedAt = performance.now();
  must(await fleet.admin.order({ type: "group-abort", group: "branch" }));
  await until("all have stopped", async () => {
    const rows = await fleet.rows();
    const served = (await fleet.view("branch")).models.reduce((sum, { sessions }) => sum + sessions, 0);
    return served === 0 && rows.every(({ status }) => status === "None" || status === "Complete") ? true : undefined;
  });
  t.comment(`stopped ${(performance.now() - abortedAt).toFixed(0)} ms after the order`);
  t.match((await fleet.view("branch")).run, { state: "aborted" });
  t.match(await fleet.row("AP1"), { primaryImage: before, backupImage: after }, "a verified image stays");
  for (const name of ["AP2", "AP3"]) t.match(await fleet.row(name), { status: "None", primaryImage: before, backupImage: "0.0.0.0" });
});

t.test("the primary dies while it serves: an AP that holds the image takes over, no second WAN copy", async (t) => {
  const fleet = await Fleet.start(t);
  const plans = apsOf("AIR-CAP3702I", 5);
  // The last one is served alone for two seconds: enough to see it and to end its primary.
  await fleet.join(plans.slice(0, 1), "--tftp-rate", "8M");
  await fleet.join(plans.slice(1));
  await fleet.addImage("AIR-CAP3702I", 2 * mebibyte);
  await fleet.group("branch", plans, { retryCount: 63 });
  must(await fleet.admin.order({ type: "group-start", group: "branch", release: "primary" }));
  await until("three subordinates are done, the fourth is being served", async () => {
    const rows = (await fleet.rows()).filter(({ role }) => role === "subordinateLocal");
    return rows.filter(({ status }) => status === "Complete").length === 3 && rows.some(({ status }) => status === "Predownloading");
  });
  await fleet.aps.get("AP1")?.kill();
  await until("the others are done", async () => {
    const rows = (await fleet.rows()).filter(({ name }) => name !== "AP1");
    return rows.every(({ status }) => status === "Complete") ? true : undefined;
  });
  const [model] = (await fleet.view("branch")).models;
  t.equal(model?.wanCopies, 1);
  t.not(model?.primary?.name, "AP1");
  t.equal((await fleet.rows()).filter(({ source }) => source === "wan").length, 1, "only the first primary fetched over the WAN");
});
