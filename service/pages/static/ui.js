// What the pages do beyond HTML: they keep a running experiment current, check forms as one types, and take files.
"use strict";

const REFRESH_MS = 2000, TYPING_MS = 350;

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

/** Put the newest contents into the parts of the page that change. */
async function refresh() {
  const response = await fetched(location.href, { cache: "no-cache" });
  if (!response?.ok) return;
  const newest = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const found = newest.querySelector(`[data-live="${part.dataset.live}"]`);
    if (found && found.innerHTML !== part.dataset.shown) {
      part.dataset.shown = found.innerHTML;
      if (part.innerHTML !== found.innerHTML) part.replaceChildren(...found.childNodes);
    }
  }
  const actions = newest.querySelector(".actions"), shown = document.querySelector(".actions");
  if (actions && shown && actions.innerHTML !== shown.innerHTML) shown.replaceChildren(...actions.childNodes);
  const images = [...document.querySelectorAll(".chart img, img.spark")];
  await Promise.all(images.filter((image) => image.complete).map(renew));
}

/** Follow an experiment or a sweep by its events, and refresh the page at most every two seconds, or soon after a status. */
function follow(address, afterStatus) {
  let waiting = null, busy = false, ended = false;
  const source = new EventSource(address);
  const soon = (delay = REFRESH_MS) => { waiting ??= setTimeout(work, delay); };
  async function work() {
    waiting = null;
    if (busy) return soon();
    busy = true;
    await refresh();
    busy = false;
    if (ended) document.body.dataset.finished = "yes";
  }
  source.addEventListener("epoch", () => soon());
  source.addEventListener("candidate", () => soon());
  source.addEventListener("status", () => soon(afterStatus));
  source.addEventListener("end", () => {
    ended = true;
    source.close();
    soon(300);
  });
}

/** Send a form to an address that answers with a part of the page, and show it. */
function previewer(form, address, target, body) {
  let timer = null, latest = 0;
  async function send() {
    const mine = ++latest;
    const response = await fetched(address, { method: "POST", body: body(form), headers: { "X-Part": "yes" } });
    if (response && mine === latest) target.innerHTML = await response.text();
  }
  return () => {
    clearTimeout(timer);
    timer = setTimeout(send, TYPING_MS);
  };
}

const live = document.querySelector("[data-events]");
if (live) follow(live.dataset.events, Number(live.dataset.afterStatus ?? 300));

const awaited = document.querySelector("[data-awaits]");
if (awaited) fetched(awaited.dataset.awaits).then((response) => response?.ok && refresh());

// Attributes of forms are read by name: a field that is called `dataset` hides the property.
const spec = document.querySelector("[data-preview]");
if (spec) {
  const fields = (form) => new URLSearchParams(new FormData(form));
  const check = previewer(spec, spec.getAttribute("data-preview"), document.querySelector("#preview"), fields);
  spec.addEventListener("input", () => {
    const filled = new URLSearchParams([...fields(spec)].filter(([, value]) => value));
    history.replaceState(null, "", `?${filled}`);
    check();
  });
  check();
}

const uploading = document.querySelector("[data-inspect]");
if (uploading) {
  const file = uploading.querySelector("input[type=file]"), drop = uploading.querySelector(".drop");
  const questions = document.querySelector("#questions");
  const name = uploading.querySelector("[name=name]");
  const check = previewer(uploading, uploading.getAttribute("data-inspect"), questions, (form) => new FormData(form));
  file.addEventListener("change", () => {
    if (!name.value && file.files.length) name.value = file.files[0].name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
    if (file.files.length) check();
  });
  for (const field of uploading.querySelectorAll("select, [name=label]")) field.addEventListener("change", () => file.files.length && check());
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
