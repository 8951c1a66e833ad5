/** How guesses at passwords are slowed down, and whom that does not hold up. */
import t from "tap";
import { call, guarded, firstPassword as password } from "../support/admin.js";

t.test("guessing gets slower from the third wrong password on", async (t) => {
  const { app, clock } = await guarded(t);
  const guess = (secret: string, name = "admin") =>
    call(app, { method: "POST", url: "/api/v1/session", payload: { name, password: secret } });
  const wrong = [401, { code: "wrong-password", message: "User name or password is wrong" }];
  for (let attempt = 0; attempt < 3; attempt++) t.same(await guess("nonsense"), wrong);
  t.same(await guess(password), [429, { code: "too-many-attempts", message: "Too many wrong passwords; try again in 1 s" }]);
  t.same(await guess("nonsense", "nobody"), wrong, "another name is not held up");
  clock.now += 1000;
  t.same(await guess("nonsense"), wrong);
  t.same(await guess(password), [429, { code: "too-many-attempts", message: "Too many wrong passwords; try again in 2 s" }]);
  clock.now += 2000;
  t.equal((await guess(password))[0], 200);
});

t.test("guesses at one moment count like guesses one after the other", async (t) => {
  const { app } = await guarded(t);
  const guess = (name: string) => call(app, { method: "POST", url: "/api/v1/session", payload: { name, password: "nonsense" } });
  const codes = async (names: readonly string[]) =>
    (await Promise.all(names.map(guess))).map(([, body]) => (body as { code: string }).code);
  const crowd = await codes(Array.from({ length: 40 }, () => "admin"));
  t.equal(crowd.filter((code) => code === "wrong-password").length, 3);
  t.equal(crowd.filter((code) => code === "too-many-attempts" || code === "too-many-logins").length, 37);
});

t.test("one address cannot try its luck at every name there may be, and others are not held up by it", async (t) => {
  const { accounts, clock } = await guarded(t);
  const guess = async (name: string, from: string) => {
    const caller = await accounts.logIn(name, "nonsense", from);
    return caller.ok ? "in" : caller.failure.code;
  };
  await accounts.addUser("noc", "operator", "another password");
  t.match(await accounts.logIn("noc", "another password", "192.0.2.1"), { ok: true });
  const codes: string[] = [];
  for (let number = 0; number < 40; number++) codes.push(await guess(`user${number}`, "192.0.2.1"));
  t.equal(codes.filter((code) => code === "wrong-password").length, 20);
  t.match(await accounts.logIn("admin", password, "192.0.2.1"), { ok: false, failure: { code: "too-many-attempts" } });
  t.match(await accounts.logIn("admin", password, "192.0.2.2"), { ok: true });
  t.match(await accounts.logIn("noc", "another password", "192.0.2.1"), { ok: true }, "nor is who came in from there before");
  clock.now += 60_000;
  t.match(await accounts.logIn("admin", password, "192.0.2.1"), { ok: true }, "it may again after the wait");
});

t.test("a /64 of IPv6 is one place, an IPv4 address in IPv6's clothes another", async (t) => {
  const { accounts } = await guarded(t);
  const places = ["2001:db8::1", "2001:db8:0:0:8000::2", "2001:db8::3", "2001:db8:0:0:1:2:3:4"];
  for (const from of places.slice(0, 3))
    t.match(await accounts.logIn("admin", "nonsense", from), { failure: { code: "wrong-password" } }, from);
  t.match(await accounts.logIn("admin", password, places[3] as string), { failure: { code: "too-many-attempts" } });
  for (const from of ["2001:db8:0:1::1", "::ffff:192.0.2.1", "::1", "fe80::1%eth0"])
    t.match(await accounts.logIn("admin", password, from), { ok: true }, from);
});

t.test("more guesses than the machine can work on are refused at once", async (t) => {
  const { accounts } = await guarded(t);
  const all = await Promise.all(Array.from({ length: 200 }, (_, number) => accounts.logIn("admin", "nonsense", `192.0.2.${number}`)));
  const codes = all.map((caller) => (caller.ok ? "in" : caller.failure.code));
  t.ok(codes.includes("too-many-logins"));
  t.ok(codes.filter((code) => code === "wrong-password").length <= 64, "few were computed");
});

t.test("a flood of refused guesses leaves no flood of audit entries", async (t) => {
  const { app, audit } = await guarded(t);
  for (let attempt = 0; attempt < 30; attempt++)
    await app.inject({ method: "POST", url: "/api/v1/session", payload: { name: "admin", password: "nonsense" } });
  t.same(
    audit.entries(100).map(({ what, after, count }) => [what, after, count]),
    [["login", { refused: "wrong-password" }, 3]],
  );
});
