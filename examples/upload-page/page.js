// What does the user see? This file is the page; upload.js does the work.

import { Upload, Stopped, failure, forget, unfinished } from "./upload.js";

const part = id => document.getElementById(id);
const show = (id, on) => { part(id).hidden = !on; };
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

let upload = null;
let seen = [];   // [time, bytes] of the last seconds, for the speed

function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes || 1) / 10));
  return `${(bytes / 1024 ** step).toFixed(step ? 1 : 0)} ${UNITS[step]}`;
}

function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function say(text, kind = "") {
  if (part("status").textContent !== text) part("status").textContent = text;
  part("status").className = kind;
}

function showProgress() {
  const { sent, file } = upload;
  part("progress").value = file.size ? sent / file.size : 0;
  part("amount").textContent = `${size(sent)} of ${size(file.size)} · ${Math.floor(100 * sent / (file.size || 1))} %`;
  const now = performance.now();
  seen = [...seen.filter(([time]) => now - time < 5000), [now, sent]];
  const speed = (sent - seen[0][1]) / (now - seen[0][0]) * 1000;
  const left = speed > 0 ? `${size(speed)}/s · ${duration((file.size - sent) / speed)} left` : "";
  part("speed").textContent = now - seen[0][0] > 500 ? left : "";
}

function tell(state, detail) {
  if (state === "sending") { showProgress(); say("Sending."); }
  else if (state === "committing") { part("speed").textContent = ""; say("All sent; putting it in place."); }
  else say(detail, "bad");
}

async function run() {
  seen = [];
  show("task", true); show("pause", true); show("cancel", true);
  show("resume", false); show("made", false); show("open", false);
  part("name").textContent = upload.file.name;
  document.querySelectorAll("#form input").forEach(input => { input.disabled = true; });
  const running = upload;
  try {
    const made = await upload.run();
    showProgress();
    part("progress").value = 1;
    say("Done. It is in the store.", "good");
    showMade(made);
    show("cancel", false);
  } catch (error) {
    if (running !== upload) return;
    say(error instanceof Stopped ? "Paused." : error.message, error instanceof Stopped ? "" : "bad");
    show("resume", true);
    if (!(error instanceof Stopped)) console.error(error);
  } finally {
    show("pause", false);
    part("speed").textContent = "";
    document.querySelectorAll("#form input").forEach(input => { input.disabled = false; });
    part("file").value = "";
    list();
  }
}

async function showMade(made) {
  const rows = { Bucket: made.bucket, Key: made.key, Size: size(made.size), ETag: made.etag, "SHA-256": made.sha256 };
  part("made").replaceChildren(...Object.entries(rows).filter(([, value]) => value).flatMap(([name, value]) => {
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, description.textContent] = [name, value];
    return [term, description];
  }));
  show("made", true);
  const answer = await fetch("link", { method: "POST", body: JSON.stringify({ key: made.key }) });
  if (!answer.ok) return;
  part("open").href = (await answer.json()).url;
  show("open", true);
}

function choose(file) {
  if (!file) return;
  const way = new FormData(part("form")).get("way");
  const open = async signal => {
    const asked = JSON.stringify({ name: file.name, size: file.size, type: file.type });
    const answer = await fetch("uploads", { method: "POST", body: asked, signal }).catch(() => null);
    if (signal.aborted) throw new Stopped("Paused.");
    if (!answer?.ok) throw failure(answer?.status ?? 0, answer ? await answer.text() : "");
    return answer.json();
  };
  upload = new Upload(file, { way, open, tell });
  run();
}

function list() {
  const entries = unfinished().filter(entry => entry.fingerprint !== upload?.fingerprint || part("task").hidden);
  part("list").replaceChildren(...entries.map(entry => {
    const [item, text, button] = ["li", "span", "button"].map(name => document.createElement(name));
    text.textContent = `${entry.name} · ${size(entry.size)} · ${entry.percent ?? 0} %`;
    button.textContent = "Forget";
    button.type = "button";
    button.setAttribute("aria-label", `Forget ${entry.name}`);
    button.onclick = async () => { await forget(entry); list(); };
    item.append(text, button);
    return item;
  }));
  show("unfinished", entries.length > 0);
}

part("file").onchange = event => choose(event.target.files[0]);
part("pause").onclick = () => upload.pause();
part("resume").onclick = run;
part("cancel").onclick = async () => {
  const cancelled = upload;
  upload = null;
  await cancelled.cancel();
  show("task", false);
  list();
};
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  part("drop").addEventListener(name, event => {
    event.preventDefault();
    part("drop").classList.toggle("over", over);
    if (name === "drop" && !part("file").disabled) choose(event.dataTransfer.files[0]);
  });
}
list();
