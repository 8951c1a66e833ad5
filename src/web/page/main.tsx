import { render } from "preact";
import { App } from "./app.js";
import { refreshSession } from "./state/session.js";

const root = document.getElementById("page");
if (root !== null) {
  root.textContent = "";
  render(<App />, root);
  void refreshSession();
}
