// How does a file get from a browser into an upload session of bucketport, whatever comes between?
//
// `new Upload(file, options).run()` opens a session (or finds the one that was begun for the same file), sends what is
// not there yet, by tus or in parts, and commits. It asks the server what has arrived and believes nothing else: after
// a cut connection, a reload or a crash it goes on from there. Nothing here needs a library or a build.

const TUS = { "Tus-Resumable": "1.0.0" };
const PARTS = 1000;         // Most parts of a file; a status names so many.
const PARALLEL = 4;
const STALLED = 30_000;     // Milliseconds without a byte, after which a request counts as cut.
const TRIES = 10;           // Failures in a row, without any progress between them, before we ask the user.

/** Trying again may help: the network, a server that restarts, two requests at once. */
export class Trouble extends Error {}
/** Trying again would not help. */
export class Refused extends Error {}
/** The session is not there any more. */
export class Gone extends Error {}
/** The user said stop. */
export class Stopped extends Error {}

/** What was begun in this browser and not finished: [{fingerprint, name, size, sent}]. */
export function unfinished() {
  return Object.keys(localStorage).filter(key => key.startsWith("upload:")).map(read).filter(Boolean);
}

/** Forget what was begun, here and at the server. */
export async function forget(entry) {
  localStorage.removeItem(entry.fingerprint);
  await fetch(entry.session, { method: "DELETE" }).catch(() => {});
}

function read(fingerprint) {
  const kept = localStorage.getItem(fingerprint);
  try {
    return kept && { ...JSON.parse(kept), fingerprint };
  } catch {
    localStorage.removeItem(fingerprint);
    return null;
  }
}

export class Upload {
  /**
   * way: "tus" or "parts". open(signal): asks the application's server for a session; gives {session: its URL, part:
   * bytes of a part}. tell(state, detail): is called with "sending", "waiting" (detail: why) and "committing".
   */
  constructor(file, { way, open, tell }) {
    Object.assign(this, { file, way, open, tell, sent: 0, state: null, stop: null });
    this.fingerprint = `upload:${[way, file.name, file.size, file.type, file.lastModified].join("|")}`;
  }

  /** Send the file and commit it; what the commit answered. Throws: Refused, Stopped. */
  async run() {
    this.stop = new AbortController();
    for (let begun = 0; ; begun++) {
      try {
        this.state = read(this.fingerprint) ?? await this.begin();
        await (this.way === "tus" ? this.sendStream() : this.sendParts());
        this.tell("committing");
        const answer = await this.persist(() => this.ask("POST", `${this.state.session}/commit`));
        localStorage.removeItem(this.fingerprint);
        return answer.json().object;
      } catch (error) {
        if (!(error instanceof Gone)) throw error;
        localStorage.removeItem(this.fingerprint);
        this.state = null;
        if (begun) throw new Refused(error.message);
      }
    }
  }

  /** Stop sending; run() goes on from here. */
  pause() {
    this.stop?.abort();
  }

  /** Stop, and leave nothing behind. */
  async cancel() {
    this.pause();
    if (this.state) await forget(this.state);
  }

  async begin() {
    const made = await this.persist(() => this.open(this.stop.signal));
    return this.keep({ ...made, name: this.file.name, size: this.file.size, fingerprint: this.fingerprint });
  }

  keep(more) {
    this.state = { ...this.state, ...more };
    localStorage.setItem(this.fingerprint, JSON.stringify(this.state));
    return this.state;
  }

  // --- tus: one stream, which goes on at the offset that the server names

  async sendStream() {
    const { file } = this;
    if (!this.state.upload) {
      const text = value => btoa(String.fromCharCode(...new TextEncoder().encode(value)));
      const described = `filename ${text(file.name)}${file.type ? `,filetype ${text(file.type)}` : ""}`;
      const headers = { ...TUS, "Upload-Length": String(file.size), "Upload-Metadata": described };
      const made = await this.persist(() => this.ask("POST", `${this.state.session}/tus`, { headers }));
      this.keep({ upload: new URL(made.header("Location"), this.state.session).href });
    }
    await this.persist(async () => {
      const head = await this.ask("HEAD", this.state.upload, { headers: TUS });
      let offset = Number(head.header("Upload-Offset"));
      this.progress(offset);
      while (offset < file.size) {
        const headers = { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
        const sending = { headers, body: file.slice(offset), progress: loaded => this.progress(offset + loaded) };
        offset = Number((await this.ask("PATCH", this.state.upload, sending)).header("Upload-Offset"));
        this.progress(offset);
      }
    });
  }

  // --- parts: several at a time, each to a URL that is made when its turn comes

  async sendParts() {
    const { file } = this;
    const size = Math.max(this.state.part, Math.ceil(file.size / PARTS));
    const { session, arrived } = (await this.persist(() => this.ask("GET", this.state.session))).json();
    if (session.state === "committed") return;
    const loaded = new Map();
    const sized = number => Math.min(size, file.size - (number - 1) * size);
    for (const part of arrived.parts) if (part.size === sized(part.number)) loaded.set(part.number, part.size);
    const missing = Array.from({ length: Math.max(1, Math.ceil(file.size / size)) }, (_, at) => at + 1)
      .filter(number => !loaded.has(number));
    const total = () => this.progress([...loaded.values()].reduce((sum, bytes) => sum + bytes, 0));
    total();
    const send = async number => {
      const asked = JSON.stringify({ numbers: [number] });
      const headers = { "Content-Type": "application/json" };
      const { parts } = (await this.ask("POST", `${this.state.session}/parts`, { headers, body: asked })).json();
      const body = file.slice((number - 1) * size, number * size);
      const progress = bytes => { loaded.set(number, bytes); total(); };
      await this.ask("PUT", parts[0].url, { headers: parts[0].headers, body, progress });
      progress(body.size);
    };
    const work = async () => {
      for (let number; (number = missing.shift()) !== undefined;) {
        await this.persist(() => send(number), () => loaded.set(number, 0));
      }
    };
    const workers = Array.from({ length: PARALLEL }, work);
    try {
      await Promise.all(workers);
    } catch (error) {
      this.pause();
      await Promise.allSettled(workers);
      throw error;
    }
  }

  // --- what both need

  progress(sent) {
    this.sent = sent;
    this.tell("sending");
    const percent = Math.floor(100 * sent / (this.file.size || 1));
    if (percent !== this.state.percent) this.keep({ percent });
  }

  /** The attempt's result; repeated, with longer and longer pauses, while what fails is trouble. */
  async persist(attempt, failed = () => {}) {
    for (let failures = 1, sent = this.sent; ; failures++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        if (this.sent > sent) failures = 1;
        if (failures > TRIES) throw new Refused(`${error.message} Tried ${TRIES} times.`);
        failed();
        sent = this.sent;
        await this.wait(Math.min(15_000, 500 * 2 ** (failures - 1)) * (0.75 + Math.random() / 2), error);
      }
    }
  }

  wait(milliseconds, error) {
    this.tell("waiting", `${error.message} Trying again in ${Math.max(1, Math.round(milliseconds / 1000))} s.`);
    return new Promise((resolve, reject) => {
      const { signal } = this.stop;
      if (signal.aborted) return reject(new Stopped("Paused."));
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stopped);
        removeEventListener("online", done);
        resolve();
      };
      const stopped = () => { done(); reject(new Stopped("Paused.")); };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener("abort", stopped);
      addEventListener("online", done);
    });
  }

  /** A request; XMLHttpRequest, because fetch does not tell how much of a body is sent. */
  ask(method, url, { headers = {}, body = null, progress = null } = {}) {
    return new Promise((resolve, reject) => {
      const { signal } = this.stop;
      if (signal.aborted) return reject(new Stopped("Paused."));
      const request = new XMLHttpRequest();
      let stalled;
      const alive = () => { clearTimeout(stalled); stalled = setTimeout(() => request.abort(), STALLED); };
      const stop = () => request.abort();
      signal.addEventListener("abort", stop);
      request.open(method, url);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      if (progress) request.upload.onprogress = event => { alive(); progress(event.loaded); };
      request.upload.onload = request.onprogress = alive;
      request.onloadend = () => {
        clearTimeout(stalled);
        signal.removeEventListener("abort", stop);
        const { status, responseText } = request;
        if (signal.aborted) reject(new Stopped("Paused."));
        else if (status >= 200 && status < 300) {
          resolve({ header: name => request.getResponseHeader(name), json: () => JSON.parse(responseText) });
        } else reject(failure(status, responseText));
      };
      alive();
      request.send(body);
    });
  }
}

/** What an answer that is no success means. */
export function failure(status, text) {
  let said = "";
  try { said = JSON.parse(text).message ?? ""; } catch { /* an error of S3 is XML */ }
  if (status === 0) return new Trouble("The connection was cut.");
  if (status === 404 || status === 410) return new Gone(said || "The upload is not there any more.");
  // 408 too slow, 409 another offset, 423 another request is still sending, 429 too many: asking anew puts it right.
  if ([408, 409, 423, 425, 429].includes(status) || status >= 500) return new Trouble(said || `Answered ${status}.`);
  return new Refused(said || `Answered ${status}.`);
}
