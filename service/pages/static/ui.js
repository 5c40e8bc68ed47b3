// What the pages do beyond HTML: they keep a running experiment current, check forms as one types, and take files.
"use strict";

const REFRESH_MS = 2000, TYPING_MS = 350, AWAY_MS = 5000;
const CHARTS_MS = 10000, GROWTH = 1.1; // Charts are drawn anew when a run has grown by a tenth, or after ten seconds.
const SHARE = 0.1; // The largest share of its time that a page spends on being refreshed.
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Fetch a page with its own session, or null if it cannot be had. */
async function fetched(address, options = {}) {
  try {
    const response = await fetch(address, { credentials: "same-origin", ...options });
    return response.redirected && response.url.includes("/ui/sign-in") ? null : response;
  } catch {
    return null;
  }
}

/** Show the newest version of a chart. The browser's cache revalidates it, so one that has not changed costs a 304. */
async function renew(image) {
  image.dataset.address ??= image.currentSrc || image.src;
  const response = await fetched(image.dataset.address, { cache: "no-cache" });
  if (!response?.ok) return;
  const old = image.src, picture = image.closest("picture");
  picture?.querySelectorAll("source").forEach((source) => source.remove());
  image.src = URL.createObjectURL(await response.blob());
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}

/** Put the newest contents into the parts of the page that are also in another document. */
function replaceParts(newest) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const found = newest.querySelector(`[data-live="${part.dataset.live}"]`);
    if (found && found.innerHTML !== part.dataset.shown) {
      part.dataset.shown = found.innerHTML;
      if (part.innerHTML !== found.innerHTML) part.replaceChildren(...found.childNodes);
    }
  }
}

const parsed = async (response) => new DOMParser().parseFromString(await response.text(), "text/html");
const charts = () => [...document.querySelectorAll(".chart img, img.spark")].filter((image) => image.complete);

/** Renew the whole page, and return whether that was possible. */
async function refresh() {
  const response = await fetched(location.href, { cache: "no-cache" });
  if (!response?.ok) return false;
  const newest = await parsed(response);
  replaceParts(newest);
  const actions = newest.querySelector(".actions"), shown = document.querySelector(".actions");
  if (actions && shown && actions.innerHTML !== shown.innerHTML) shown.replaceChildren(...actions.childNodes);
  await Promise.all(charts().map(renew));
  return true;
}

function isInSight(image) {
  const box = image.getBoundingClientRect();
  return box.width > 0 && box.bottom > 0 && box.top < innerHeight;
}

/** Renew the charts in sight that would look different, now that an experiment has trained so many epochs. */
async function renewCharts(epoch) {
  const isDue = ({ dataset }) => epoch >= GROWTH * dataset.epoch || performance.now() >= CHARTS_MS + Number(dataset.drawnAt ?? -CHARTS_MS);
  const due = charts().filter((image) => isInSight(image) && Number(image.dataset.epoch) !== epoch && isDue(image));
  for (const image of due) Object.assign(image.dataset, { epoch, drawnAt: performance.now() });
  await Promise.all(due.map(renew));
}

/** Wait until somebody can see the page. */
async function seen() {
  while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}

/** Keep the page of a running experiment current. Its state is asked for by its ETag, and answered when it has changed. */
async function keepCurrent({ renewedBy, epoch, succeeded }) {
  for (const image of charts()) Object.assign(image.dataset, { epoch, drawnAt: performance.now() });
  for (let etag = "", wait = 0; renewedBy; wait = 20) {
    await pause(REFRESH_MS);
    await seen();
    const response = await fetched(`${renewedBy}?wait=${wait}`, { cache: "no-store", headers: { "If-None-Match": etag } });
    if (response?.status !== 200) {
      if (response?.status !== 304) await pause(AWAY_MS);
      continue;
    }
    const newest = await parsed(response), state = newest.querySelector("[data-live=state]").dataset;
    const isMore = !state.renewedBy || state.succeeded !== succeeded; // than the parts that came
    if (!isMore) replaceParts(newest);
    else if (!(await refresh())) continue;
    ({ renewedBy, succeeded } = state);
    etag = response.headers.get("ETag");
    if (renewedBy) await renewCharts(Number(state.epoch));
  }
  document.body.dataset.finished = "yes";
}

/** Follow a sweep by its events, and refresh the page at most every two seconds, and not for more than a share of its time. */
function follow(address) {
  let waiting = null, busy = false, ended = false, took = 0;
  const source = new EventSource(address);
  const soon = () => { waiting ??= setTimeout(work, Math.max(REFRESH_MS, took / SHARE)); };
  async function work() {
    waiting = null;
    if (busy) return soon();
    busy = true;
    await seen();
    const started = performance.now(), isLast = ended;
    await refresh();
    took = performance.now() - started;
    busy = false;
    if (isLast) document.body.dataset.finished = "yes";
  }
  for (const kind of ["candidate", "status"]) source.addEventListener(kind, soon);
  source.addEventListener("end", () => {
    ended = true;
    source.close();
    soon();
  });
}

/** Send a form to an address that answers with a part of the page, and show it, a moment after the last call of `soon`. */
function previewer(form, address, show, body) {
  let timer = null, latest = 0, last = Promise.resolve();
  async function send() {
    const mine = ++latest;
    const response = await fetched(address, { method: "POST", body: body(form), headers: { "X-Part": "yes" } });
    if (response && mine === latest) show(await response.text());
  }
  return {
    soon() {
      clearTimeout(timer);
      timer = setTimeout(() => { last = send(); }, TYPING_MS);
    },
    /** Wait for the answer under way, and send nothing more. */
    async stop() {
      clearTimeout(timer);
      await last;
    },
  };
}

const live = document.querySelector("[data-events]");
if (live) follow(live.dataset.events);

const state = document.querySelector("[data-renewed-by]");
if (state) keepCurrent({ ...state.dataset });

const awaited = document.querySelector("[data-awaits]");
if (awaited) fetched(awaited.dataset.awaits).then((response) => response?.ok && refresh());

// Attributes of forms are read by name: a field that is called `dataset` hides the property.
const spec = document.querySelector("[data-preview]");
if (spec) {
  const fields = (form) => new URLSearchParams(new FormData(form));
  const check = previewer(spec, spec.getAttribute("data-preview"), (text) => { document.querySelector("#preview").innerHTML = text; }, fields);
  spec.addEventListener("input", () => {
    const filled = new URLSearchParams([...fields(spec)].filter(([, value]) => value));
    history.replaceState(null, "", `?${filled}`);
    check.soon();
  });
  check.soon();
}

const uploading = document.querySelector("[data-inspect]");
if (uploading) {
  const file = uploading.querySelector("input[type=file]"), drop = uploading.querySelector(".drop");
  const questions = document.querySelector("#questions");
  const name = uploading.querySelector("[name=name]");
  const asked = () => [...questions.querySelectorAll(".question")], about = (question) => question.querySelector("legend").textContent;
  /** Show newer questions. Those that were answered stay, with their answers: the file alone would raise them again. */
  const show = (text) => {
    const answered = asked().filter((question) => question.querySelector(":checked"));
    questions.innerHTML = text;
    for (const old of answered.reverse()) {
      const same = asked().find((question) => about(question) === about(old));
      if (same) same.replaceWith(old);
      else questions.prepend(old);
    }
  };
  const check = previewer(uploading, uploading.getAttribute("data-inspect"), show, (form) => new FormData(form));
  file.addEventListener("change", () => {
    if (!name.value && file.files.length) name.value = file.files[0].name.replace(/\.[^.]*$/, "").toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "").slice(0, 64);
    questions.replaceChildren();
    if (file.files.length) check.soon();
  });
  uploading.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter, said = button.textContent;
    if (button.hasAttribute("formaction")) return check.soon();
    Object.assign(button, { disabled: true, textContent: "Uploading ..." });
    await check.stop();
    const response = await fetched(location.href, { method: "POST", body: new FormData(uploading), headers: { "X-Part": "yes" } });
    if (response?.redirected) return location.assign(response.url);
    Object.assign(button, { disabled: false, textContent: said });
    show(response ? await response.text() : document.querySelector("#broken-off").innerHTML);
    questions.scrollIntoView({ block: "nearest" });
  });
  for (const field of uploading.querySelectorAll("select, [name=label]")) field.addEventListener("change", () => file.files.length && check.soon());
  for (const kind of ["dragover", "dragenter"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    file.files = event.dataTransfer.files;
    file.dispatchEvent(new Event("change"));
  });
}

for (const file of document.querySelectorAll("[data-file-into]")) {
  file.closest("[data-script]").hidden = false;
  file.addEventListener("change", async () => {
    const target = file.form.elements[file.dataset.fileInto];
    if (file.files.length) target.value = await file.files[0].text();
  });
}
